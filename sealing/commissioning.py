"""Commissioning reports: files a portal hands out when somebody signed for the cameras of a site (SPEC.md)."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final

from .cose import Purpose, check1, parse1
from .errors import BadField, UnknownSigner, WrongScope
from .statement import verify_statements

FORMAT: Final = "vsaas-commissioning-v1"
MAX_FILE_BYTES: Final = 64 << 20


def verify_commissioning(data: bytes, trusted: bytes) -> dict[str, Any]:
    """The report of a file, verified from the root of this fingerprint (32 bytes).

    Raises BadField for anything that is no such file, WrongScope when it names another tenant than the statements, UnknownSigner when
    none of them names the key it is signed by, and as `verify_statements` and `check1`.
    """
    if len(data) > MAX_FILE_BYTES:
        raise BadField(f"a commissioning report is at most {MAX_FILE_BYTES} bytes")
    file = _object(data, "the file")
    statements = file.get("statements")
    if file.get("format") != FORMAT or not isinstance(statements, list):
        raise BadField(f"the file is no {FORMAT}")
    trust = verify_statements([_octets(one, "a statement") for one in statements], trusted)
    signed = parse1(_octets(file.get("report"), "the report"))
    public = trust.command_keys.get(signed.kid)
    if public is None:
        raise UnknownSigner(f"no statement names the key {signed.kid.hex()} the report is signed by")
    report = _object(check1(signed, Purpose.COMMISSIONING, public).payload, "the report")
    organisation = report.get("organisation")
    if report.get("format") != FORMAT or not isinstance(organisation, dict):
        raise BadField(f"what was signed is no {FORMAT}")
    if organisation.get("id") != str(trust.tenant):
        raise WrongScope("the report is of another organisation than the statements")
    return report


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadField(f"{what} is not JSON") from error
    if not isinstance(value, dict):
        raise BadField(f"{what} is not a JSON object")
    return value


def _octets(text: object, what: str) -> bytes:
    """Bytes of base64url without padding."""
    if not isinstance(text, str):
        raise BadField(f"{what} is not base64url")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadField(f"{what} is not base64url") from error
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise BadField(f"{what} is not base64url without padding")
    return data
