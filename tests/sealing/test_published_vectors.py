"""Published vectors of what the format stands on: HPKE (RFC 9180) and chunked encryption (C2SP)."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest
from cryptography.hazmat.bindings._rust import openssl as rust_openssl
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from sealing.errors import SealingError
from sealing.keys import EnvelopeInfo
from sealing.reader import PartReader, derive
from sealing.vectors.encoder import FixedHpke

PUBLISHED = Path(cryptography_vectors.__file__).parent
SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def _chunked() -> list[Any]:
    vectors = json.loads((PUBLISHED / "chunked-encryption" / "vectors.json").read_text())["vectors"]
    return [pytest.param(item, id=item["name"]) for item in vectors if item["aead"] == "AEAD_AES_256_GCM"]


def _message(vector: dict[str, Any]) -> bytes:
    data = base64.b64decode(vector["ciphertext"] or "")
    return zlib.decompress(data) if vector.get("compressed") else data


@pytest.mark.parametrize("vector", _chunked())
def test_chunked_encryption_as_published(vector: dict[str, Any]) -> None:
    """The published messages use SHA-256 where Cobblestone-256 has SHA-512: everything else is the same."""
    key, context, message = bytes.fromhex(vector["key"]), vector["context"].encode(), _message(vector)
    chunks: list[bytes] = []

    def open_all() -> None:
        chunks.extend(PartReader(key, context, message, len(message), algorithm=SHA256()).chunks())

    if vector["expect"] == "success":
        open_all()
        plaintext = b"".join(chunks)
        assert len(plaintext) == vector["payload_length"]
        assert hashlib.sha256(plaintext).hexdigest() == vector["payload_sha256"]
        cipher_key, nonce, _ = derive(key, message[:24], context, SHA256())
        assert (cipher_key.hex(), nonce.hex()) == (vector["aead_key"], vector["base_nonce"])
        return
    with pytest.raises(SealingError):
        open_all()
    assert sum(map(len, chunks)) <= (vector.get("payload_length") or 0)


def _hpke() -> dict[str, Any]:
    vectors = json.loads((PUBLISHED / "HPKE" / "test-vectors.json").read_text())
    suite = {"mode": 0, "kem_id": 32, "kdf_id": 1, "aead_id": 2}
    (vector,) = [item for item in vectors if suite.items() <= item.items()]
    return {str(name): value for name, value in vector.items()}


def test_hpke_opens_the_published_message_as_enc_then_ciphertext() -> None:
    vector = _hpke()
    first = vector["encryptions"][0]
    private = X25519PrivateKey.from_private_bytes(bytes.fromhex(vector["skRm"]))
    message = bytes.fromhex(vector["enc"] + first["ct"])
    info, aad = bytes.fromhex(vector["info"]), bytes.fromhex(first["aad"])
    plaintext = rust_openssl.hpke._decrypt_with_aad(SUITE, message, private, info, aad)
    assert plaintext.hex() == first["pt"]


def test_hpke_of_the_vectors_generator_derives_the_published_keys() -> None:
    vector = _hpke()
    recipient = X25519PrivateKey.from_private_bytes(bytes.fromhex(vector["skRm"]))
    sealer, info = FixedHpke(bytes.fromhex(vector["skEm"])), bytes.fromhex(vector["info"])
    enc, key, nonce = sealer.schedule(recipient.public_key(), info)
    assert (enc.hex(), key.hex(), nonce.hex()) == (vector["enc"], vector["key"], vector["base_nonce"])
    sealed = sealer.encrypt(b"secret", recipient.public_key(), info)
    assert SUITE.decrypt(sealed, recipient, info) == b"secret"


def test_the_suite_of_envelopes_is_the_one_with_aes_256() -> None:
    assert EnvelopeInfo.__dataclass_fields__["suite"].default == 1
    recipient = X25519PrivateKey.generate()
    sealed = SUITE.encrypt(b"x" * 32, recipient.public_key(), b"info")
    assert len(sealed) == 32 + 32 + 16
