"""Deterministic twins of the two sealing steps, for vectors only.

`cryptography` draws salts and ephemeral keys itself, as it must. Vectors need fixed ones, so both constructions are written out
here from their specifications; every output is opened with the library before it becomes a vector. Never seal footage with this.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.hazmat.primitives import hmac
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from sealing import keys, part
from sealing.merkle import CHUNK_BYTES
from sealing.reader import derive


def stream(seed: str, length: int) -> bytes:
    """`length` bytes of SHA-256(seed ‖ big-endian 64-bit counter) for counter 0, 1, …"""
    blocks = (hashlib.sha256(seed.encode() + n.to_bytes(8, "big")).digest() for n in range(-(-length // 32)))
    return b"".join(blocks)[:length]


class SaltedEncryptor:
    """Cobblestone-256 with a given salt; otherwise like the library's encryptor."""

    def __init__(self, key: bytes, context: bytes, salt: bytes) -> None:
        cipher_key, nonce, commitment = derive(key, salt, context)
        self._cipher = AESGCM(cipher_key)
        self._nonce = int.from_bytes(nonce, "big")
        self._number = 0
        self._waiting = b""
        self._out = salt + commitment

    def update(self, data: bytes | memoryview) -> bytes:
        self._waiting += bytes(data)
        out, self._out = self._out, b""
        while len(self._waiting) >= CHUNK_BYTES:
            out += self._chunk(self._waiting[:CHUNK_BYTES])
            self._waiting = self._waiting[CHUNK_BYTES:]
        return out

    def finalize(self) -> bytes:
        return self._out + self._chunk(self._waiting)

    def _chunk(self, plaintext: bytes) -> bytes:
        nonce = (self._nonce ^ self._number).to_bytes(12, "big")
        self._number += 1
        return self._cipher.encrypt(nonce, plaintext, None)


def seal(key: bytes, context: bytes, salt: bytes, plaintext: bytes) -> bytes:
    """One sealed message, checked by the library's decryptor."""
    encryptor = SaltedEncryptor(key, context, salt)
    sealed = encryptor.update(plaintext) + encryptor.finalize()
    decryptor = Cobblestone256Decryptor(key, context)
    if decryptor.update(sealed) + decryptor.finalize() != plaintext:
        raise AssertionError("the library reads something else than was sealed")
    return sealed


def _labeled(suite: bytes, label: bytes, data: bytes) -> bytes:
    return b"HPKE-v1" + suite + label + data


def _extract(salt: bytes, suite: bytes, label: bytes, data: bytes) -> bytes:
    mac = hmac.HMAC(salt or bytes(32), SHA256())
    mac.update(_labeled(suite, label, data))
    return mac.finalize()


def _expand(key: bytes, suite: bytes, label: bytes, data: bytes, length: int) -> bytes:
    info = length.to_bytes(2, "big") + _labeled(suite, label, data)
    return HKDFExpand(SHA256(), length, info).derive(key)


class FixedHpke:
    """HPKE base mode, suite 1 of SPEC.md 1.2, after RFC 9180 sections 4 and 5, with a given ephemeral private key."""

    def __init__(self, ephemeral: bytes) -> None:
        self._ephemeral = X25519PrivateKey.from_private_bytes(ephemeral)

    def schedule(self, public_key: X25519PublicKey, info: bytes) -> tuple[bytes, bytes, bytes]:
        """Encapsulated key (32), AEAD key (32) and base nonce (12)."""
        kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"
        enc = self._ephemeral.public_key().public_bytes_raw()
        shared = _extract(b"", kem, b"eae_prk", self._ephemeral.exchange(public_key))
        secret = _expand(shared, kem, b"shared_secret", enc + public_key.public_bytes_raw(), 32)
        context = (
            b"\x00" + _extract(b"", suite, b"psk_id_hash", b"") + _extract(b"", suite, b"info_hash", info)
        )
        prk = _extract(secret, suite, b"secret", b"")
        return enc, _expand(prk, suite, b"key", context, 32), _expand(prk, suite, b"base_nonce", context, 12)

    def encrypt(self, plaintext: bytes, public_key: X25519PublicKey, info: bytes) -> bytes:
        """`enc ‖ ciphertext`, empty AAD."""
        enc, key, nonce = self.schedule(public_key, info)
        return enc + AESGCM(key).encrypt(nonce, plaintext, b"")


@contextmanager
def fixed(label: str) -> Iterator[None]:
    """Within this block sealing is deterministic: salts and ephemeral keys are counted from `label`."""
    count = 0

    def encryptor(key: bytes, context: bytes) -> SaltedEncryptor:
        nonlocal count
        count += 1
        return SaltedEncryptor(key, context, stream(f"salt {label} {count}", 24))

    hpke = FixedHpke(stream(f"ephemeral {label}", 32))
    with (
        mock.patch.object(part, "Cobblestone256Encryptor", encryptor),
        mock.patch.object(keys, "_hpke_encrypt", hpke.encrypt),
    ):
        yield


Description = str | dict[str, Any]
"""How vectors write bytes: hex, or one of the maps of README.md ("Bytes")."""


def resolve(description: Description) -> bytes:
    """The bytes that a description stands for."""
    data = _made(description)
    if isinstance(description, dict) and hashlib.sha256(data).hexdigest() != description.get("sha256"):
        raise AssertionError("the description does not give the bytes it names")
    return data


def described(**description: Any) -> dict[str, Any]:
    """A description with the hash of the bytes it gives."""
    return description | {"sha256": hashlib.sha256(_made(description)).hexdigest()}


def _made(description: Description) -> bytes:
    if isinstance(description, str):
        return bytes.fromhex(description)
    if "stream" in description:
        data = stream(description["stream"], description["length"])
    elif "concat" in description:
        data = b"".join(resolve(item) for item in description["concat"])
    else:
        how = description["seal"]
        key, context, salt = (bytes.fromhex(how[name]) for name in ("key", "context", "salt"))
        data = seal(key, context, salt, resolve(how["plaintext"]))
    for edit in description.get("edits", ()):
        data = _edited(data, edit)
    return data


def _edited(data: bytes, edit: dict[str, Any]) -> bytes:
    """One change to sealed bytes: what an attacker or a bad disk would do."""
    out = bytearray(data)
    (name, value), *_ = edit.items()
    if name == "flip":
        at, mask = value
        out[at] ^= mask
    elif name == "cut":
        del out[value:]
    elif name == "append":
        out += bytes.fromhex(value)
    elif name == "swap":
        first, second, length = value
        out[first : first + length], out[second : second + length] = (
            data[second : second + length],
            data[first : first + length],
        )
    elif name == "copy":
        source, target, length = value
        out[target : target + length] = data[source : source + length]
    else:
        raise AssertionError(f"no such edit: {name}")
    return bytes(out)
