"""Whatever arrives, a parser of agent messages answers with its own error or a message that says the same again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.camera_source import check_url
from protocol.enrolment import EnrolReply, EnrolRequest, parse_code
from protocol.errors import ProtocolError
from protocol.health import Heartbeat
from protocol.state import AgentState

FIELDS = sorted(
    {
        *(
            "code_secret",
            "name",
            "record_public",
            "transport_public",
            "box_public",
            "software",
            "tenant",
            "agent",
        ),
        *("statements", "command", "live_url", "tips", "utc_us", "statements_from", "instance", "streams"),
        *("started_us", "spool_bytes", "days_left", "camera", "stream", "state", "since_us", "chain", "hash"),
    }
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("A" * 43),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inner, max_size=12)
    ),
    max_leaves=30,
)


@pytest.mark.parametrize(
    "parse", [EnrolRequest.from_json, EnrolReply.from_json, Heartbeat.from_json, AgentState.from_json]
)
@given(data=VALUES)
def test_any_json_is_parsed_or_refused(parse: Callable[[object], Any], data: object) -> None:
    try:
        message = parse(data)
    except ProtocolError:
        return
    assert parse(message.to_json()) == message


@given(text=st.text() | st.text(alphabet="rtsp:/@[]#%?.0123456789abc ", max_size=60))
def test_any_address_is_taken_or_refused_without_being_quoted(text: str) -> None:
    try:
        check_url("rtsp://user:Xq9secret" + text)
    except ProtocolError as error:
        assert "Xq9secret" not in str(error)
        assert error.__cause__ is None


@given(text=st.text() | st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ234567- ", min_size=60, max_size=90))
def test_any_code_is_taken_or_refused(text: str) -> None:
    try:
        code = parse_code(text)
    except ProtocolError:
        return
    assert parse_code(code.text()) == code
