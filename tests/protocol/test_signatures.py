"""Signed requests: what is covered, and what is refused."""

from __future__ import annotations

import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocol import signatures
from protocol.errors import ProtocolError

URL = "https://portal.example/agent/v1/records"
NOW = datetime.datetime(2026, 11, 23, 3, 0, tzinfo=datetime.UTC)
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)


def _find(key_id: str) -> Ed25519PublicKey | None:
    return KEY.public_key() if key_id == "agent-a" else None


def _signed(**changes: object) -> dict[str, str]:
    arguments: dict[str, object] = {
        "key": KEY,
        "key_id": "agent-a",
        "nonce": "n-1",
        "created": NOW,
        "body": b"records",
    }
    arguments.update(changes)
    return signatures.sign_request("POST", URL, **arguments)  # type: ignore[arg-type]


def test_a_signed_request_verifies_and_gives_the_nonce() -> None:
    verified = signatures.verify_request("POST", URL, _signed(), find_key=_find, body=b"records")
    assert verified == signatures.Verified(key_id="agent-a", nonce="n-1")


def test_header_names_may_arrive_in_any_case() -> None:
    headers = {name.upper(): value for name, value in _signed().items()}
    assert (
        signatures.verify_request("POST", URL, headers, find_key=_find, body=b"records").key_id == "agent-a"
    )


def test_a_clock_that_is_a_year_off_does_no_harm() -> None:
    for days in (-365, 365):
        headers = _signed(created=NOW + datetime.timedelta(days=days))
        assert signatures.verify_request("POST", URL, headers, find_key=_find, body=b"records").nonce == "n-1"


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("PUT", URL, b"records"),
        ("POST", URL + "?more=1", b"records"),
        ("POST", URL.replace("portal.", "portal2."), b"records"),
        ("POST", URL.replace("https:", "http:"), b"records"),
        ("POST", URL, b"recordz"),
        ("POST", URL, b""),
    ],
)
def test_anything_else_than_what_was_signed_is_refused(method: str, url: str, body: bytes) -> None:
    if not body:
        # An attacker who drops the body must not get a signed empty request out of it: the digest no longer fits.
        headers = _signed()
        with pytest.raises(ProtocolError, match="bad-signature"):
            signatures.verify_request(method, url, headers, find_key=_find, body=b"x")
        return
    with pytest.raises(ProtocolError, match="bad-signature"):
        signatures.verify_request(method, url, _signed(), find_key=_find, body=body)


def test_a_body_without_a_signed_digest_is_refused() -> None:
    headers = _signed(body=None)
    with pytest.raises(ProtocolError, match="bad-signature"):
        signatures.verify_request("POST", URL, headers, find_key=_find, body=b"records")


def test_an_unknown_key_and_a_foreign_key_are_refused() -> None:
    with pytest.raises(ProtocolError, match="bad-signature"):
        signatures.verify_request("POST", URL, _signed(key_id="agent-b"), find_key=_find, body=b"records")
    foreign = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
    with pytest.raises(ProtocolError, match="bad-signature"):
        signatures.verify_request("POST", URL, _signed(key=foreign), find_key=_find, body=b"records")


def test_a_request_without_signature_or_with_garbage_is_refused() -> None:
    for headers in (
        {},
        {"Signature": "agent=:AAAA:"},
        {"Signature-Input": "x", "Signature": "y"},
        {"Signature-Input": 'agent=("@method");tag="vsaas-agent-v1"', "Signature": "agent=:AAAA:"},
    ):
        with pytest.raises(ProtocolError, match="bad-signature"):
            signatures.verify_request("POST", URL, headers, find_key=_find, body=b"records")


def test_a_signature_that_covers_less_is_refused() -> None:
    from http_message_signatures import HTTPMessageSigner
    from http_message_signatures.algorithms import ED25519

    message = signatures.SignedMessage("POST", URL)
    HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=signatures._OneKey(KEY)).sign(
        message,
        key_id="agent-a",
        created=NOW,
        nonce="n",
        tag=signatures.TAG,
        covered_component_ids=("@method",),
        body=b"records",
    )
    with pytest.raises(ProtocolError, match="bad-signature"):
        signatures.verify_request("POST", URL, message.headers, find_key=_find, body=b"records")
