"""What a message holds, sealed: at rest nobody reads it without `VSAAS_SECRET_KEY`."""

from __future__ import annotations

import json
from typing import Any

from vsaas.common import secretbox
from vsaas.mail.letters import Letter
from vsaas.mail.models import Outgoing

PURPOSE = "mail"


def seal(message: Outgoing, content: dict[str, Any]) -> bytes:
    """The content of a row, which opens for this row alone."""
    return secretbox.seal(json.dumps(content).encode(), purpose=PURPOSE, bound_to=message.pk.bytes)


def content_of(message: Outgoing) -> dict[str, Any]:
    """What `seal` took; empty where nothing is kept any more. Raises SecretUnreadable."""
    if message.sealed is None:
        return {}
    content: dict[str, Any] = json.loads(
        secretbox.open_sealed(message.sealed, purpose=PURPOSE, bound_to=message.pk.bytes)
    )
    return content


def letter_of(message: Outgoing) -> Letter | None:
    """The message as it is read on one machine, or None."""
    kept = content_of(message).get("letter")
    return None if kept is None else Letter.of_json(kept)
