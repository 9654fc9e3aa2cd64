"""The state an agent asks for: it round-trips, and nothing malformed passes."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from protocol.errors import ProtocolError
from protocol.state import AgentState, ChainTip

STATE = AgentState(
    statements_from=3,
    statements=(b"one", b"two"),
    command=b"command",
    tips=(ChainTip(b"c" * 16, uuid.uuid4(), 1, 12, b"h" * 32),),
    utc_us=1_700_000_000_000_000,
    live_url="ws://127.0.0.1:8401",
)


def test_the_state_round_trips() -> None:
    assert AgentState.from_json(STATE.to_json()) == STATE


@pytest.mark.parametrize(
    "change",
    [
        {"statements": "none"},
        {"statements": [1]},
        {"statements_from": -1},
        {"statements_from": True},
        {"command": None},
        {"tips": [{"chain": "AAAA"}]},
        {"tips": [7]},
        {"utc_us": 2**63},
        {"live_url": 5},
        {"live_url": "x" * 501},
    ],
)
def test_a_malformed_state_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError, match="bad-field"):
        AgentState.from_json(STATE.to_json() | change)


def test_a_state_that_is_no_object_is_refused() -> None:
    with pytest.raises(ProtocolError, match="not a JSON object"):
        AgentState.from_json([])
