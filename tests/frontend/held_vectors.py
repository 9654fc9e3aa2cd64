"""Vectors of customer-held keys, computed without the front end's code: `python -m tests.frontend.held_vectors` writes the file.

HKDF and curves by `cryptography`, Argon2id by the reference implementation (`argon2-cffi`), Shamir's shares by the textbook.
"""

from __future__ import annotations

import base64
import hashlib
import json
import unicodedata
import uuid
from pathlib import Path
from typing import Any, Final

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sealing.canonical import Encodable, encode_canonical
from sealing.ids import box_kid
from sealing.vectors.encoder import stream

FILE: Final = Path(__file__).parent / "held_vectors.json"
TENANT: Final = uuid.UUID(bytes=stream("uuid held tenant", 16), version=4)
ACCOUNT: Final = uuid.UUID(bytes=stream("uuid held account", 16), version=4)
CAMERA: Final = uuid.UUID(bytes=stream("uuid held camera", 16), version=4)
VAULT: Final = stream("vault secret", 32)
OWN: Final = stream("own private", 32)
PASSPHRASE: Final = "correct horse \u212b battery"
"""With an angstrom sign, which NFKC turns into another letter."""
CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
Vector = dict[str, Any]


def hkdf(secret: bytes, info: Encodable) -> bytes:
    """HKDF-SHA256, empty salt, 32 bytes."""
    return HKDF(SHA256(), 32, salt=b"", info=encode_canonical(info)).derive(secret)


def box_public(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def derivations() -> list[Vector]:
    """What follows from the vault secret, with public halves."""
    seed = hkdf(VAULT, ["vsaas-held-root-v1"])
    recipient = hkdf(VAULT, ["vsaas-held-recipient-v1", 1])
    vectors: list[Vector] = [
        {
            "op": "root",
            "seed": seed.hex(),
            "public": Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw().hex(),
        },
        {"op": "recipient", "epoch": 1, "private": recipient.hex(), "public": box_public(recipient).hex()},
    ]
    for kind, epoch in [(0, 1), (1, 1), (0, 300)]:
        private = hkdf(VAULT, ["vsaas-held-camera-v1", CAMERA.bytes, kind, epoch])
        vectors.append(
            {
                "op": "camera",
                "camera": str(CAMERA),
                "kind": kind,
                "epoch": epoch,
                "private": private.hex(),
                "public": box_public(private).hex(),
            }
        )
    return [{"vault": VAULT.hex(), **vector} for vector in vectors]


def ways() -> list[Vector]:
    """KEKs of both kinds of way, and the own key wrapped under each."""
    public = box_public(OWN)
    bound = encode_canonical(["vsaas-own-key-v1", TENANT.bytes, ACCOUNT.bytes, box_kid(public)])

    def wrapped(kek: bytes, label: str) -> str:
        nonce = stream(f"nonce {label}", 12)
        return (nonce + AESGCM(kek).encrypt(nonce, OWN, bound)).hex()

    owner = {"tenant": str(TENANT), "account": str(ACCOUNT), "private": OWN.hex(), "public": public.hex()}
    prf, salt = stream("prf output", 32), stream("argon2 salt", 16)
    passkey = hkdf(prf, ["vsaas-own-key-prf-v1"])
    secret = unicodedata.normalize("NFKC", PASSPHRASE).encode()
    passphrase = hash_secret_raw(secret, salt, 3, 65536, 1, 32, Type.ID)
    return [
        {"op": "passkey", "prf": prf.hex(), "kek": passkey.hex(), "wrapped": wrapped(passkey, "1"), **owner},
        {
            "op": "passphrase",
            "passphrase": PASSPHRASE,
            "salt": salt.hex(),
            "m_kib": 65536,
            "t": 3,
            "p": 1,
            "kek": passphrase.hex(),
            "wrapped": wrapped(passphrase, "2"),
            **owner,
        },
    ]


def times(a: int, b: int) -> int:
    """Product in GF(2^8), polynomial 0x11b."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def sheet(number: int, x: int) -> str:
    """One sheet of the kit of VAULT: the line through the secret at 0, at `x`, as it is printed."""
    slope = stream("slope", 32)
    share = bytes(y ^ times(m, x) for y, m in zip(VAULT, slope, strict=True)) + bytes([x])
    body = bytes([0x10 | number]) + stream("set", 4) + share
    check = hashlib.sha256(b"vsaas-kit-v1" + body).digest()[:4]
    plain = base64.b32encode(body + check).decode().rstrip("=")
    letters = plain.translate(str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", CROCKFORD))
    return " ".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def kits() -> list[Vector]:
    """Three sheets, any two of which give the vault secret."""
    sheets = [sheet(number, x) for number, x in [(1, 17), (2, 201), (3, 5)]]
    return [{"op": "kit", "vault": VAULT.hex(), "set": stream("set", 4).hex(), "sheets": sheets}]


def content() -> str:
    """What the file must hold."""
    lines = ",\n".join(
        json.dumps(vector, ensure_ascii=False) for vector in [*derivations(), *ways(), *kits()]
    )
    return f'{{"format": "vsaas-held-vectors-v1", "vectors": [\n{lines}\n]}}\n'


if __name__ == "__main__":
    FILE.write_text(content())
