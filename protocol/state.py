"""What the portal tells an agent about itself (`GET /agent/v1/state?statements=<number>`, JSON).

Asked after a start and whenever a batch reply names a newer statement or command than the agent holds. `statements`
come from the number asked for on; `command` is the newest command document; `tips` are the chains of this agent as
the portal knows them, at most `TIPS_AT_ONCE`, the newest: an agent sends again what a portal restored from a backup lacks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from protocol import b64
from protocol.errors import ProtocolError
from protocol.tips import ChainTip as ChainTip
from protocol.tips import whole

STATEMENTS_AT_ONCE = 1000
TIPS_AT_ONCE = 2000
"""How many chains `tips` names at most, the newest: a list this long is not complete."""


@dataclass(frozen=True)
class AgentState:
    """`utc_us` is the portal's clock; `live_url` the hub's address (ws or wss)."""

    statements_from: int
    statements: tuple[bytes, ...]
    command: bytes
    tips: tuple[ChainTip, ...]
    utc_us: int
    live_url: str

    def to_json(self) -> dict[str, Any]:
        return {
            "statements_from": self.statements_from,
            "statements": [b64.encode(item) for item in self.statements],
            "command": b64.encode(self.command),
            "tips": [tip.to_json() for tip in self.tips],
            "utc_us": self.utc_us,
            "live_url": self.live_url,
        }

    @classmethod
    def from_json(cls, data: object) -> AgentState:
        """Raises ProtocolError `bad-field`."""
        if not isinstance(data, dict):
            raise ProtocolError("bad-field", "the state is not a JSON object")
        live_url = data.get("live_url")
        if not isinstance(live_url, str) or len(live_url) > 500:
            raise ProtocolError("bad-field", "live_url is not a text of at most 500 characters")
        return cls(
            statements_from=whole(data.get("statements_from"), "statements_from"),
            statements=tuple(b64.decode(item, what="statement") for item in _list(data, "statements")),
            command=b64.decode(data.get("command"), what="command"),
            tips=tuple(ChainTip.from_json(item) for item in _list(data, "tips")),
            utc_us=whole(data.get("utc_us"), "utc_us"),
            live_url=live_url,
        )


def _list(data: dict[str, Any], name: str) -> list[Any]:
    value = data.get(name)
    if not isinstance(value, list):
        raise ProtocolError("bad-field", f"{name} is not a list")
    return value
