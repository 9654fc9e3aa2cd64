"""Shapes that recur in the API's replies and requests, for its reference."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Micros = Annotated[int, Field(description="Microseconds since 1970, UTC.", examples=[1764064990000000])]
B64 = Annotated[str, Field(description="base64url without padding.", pattern=r"^[A-Za-z0-9_-]*$")]
Fingerprint = Annotated[
    str, Field(description="SHA-256 of the organisation's root key.", pattern=r"^[0-9a-f]{64}$")
]
HpkePublic = Annotated[
    str,
    Field(
        description="An X25519 public key made for this request: 32 bytes, base64url without padding. Keys come back "
        "sealed to it (HPKE, RFC 9180).",
        pattern=r"^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$",
    ),
]
StreamName = Literal["main", "sub"]
Next = Annotated[str | None, Field(description="`cursor` of the next page; null: this was the last.")]


def page_example(*items: Any) -> dict[str, Any]:
    """A page that holds these items and is the last."""
    return {"items": list(items), "next": None}
