"""Small secrets the portal must be able to read again (a TOTP secret), sealed at rest with a key derived from
`VSAAS_SECRET_KEY`: a copy of the database alone opens none of them."""

from __future__ import annotations

import functools
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from vsaas.common.errors import VsaasError

_NONCE_BYTES = 12


class SecretUnreadable(VsaasError):
    """A sealed secret does not open: it was altered, moved to another row, or VSAAS_SECRET_KEY changed."""

    problem = "secret-unreadable"


@functools.lru_cache(maxsize=16)
def _key(secret_key: str, purpose: str) -> AESGCM:
    info = f"vsaas-secretbox-v1:{purpose}".encode()
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret_key.encode()))


def seal(secret: bytes, *, purpose: str, bound_to: bytes) -> bytes:
    """nonce ‖ ciphertext; opens only for the same purpose and the same `bound_to` (such as the row's id)."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _key(settings.SECRET_KEY, purpose).encrypt(nonce, secret, bound_to)


def open_sealed(sealed: bytes, *, purpose: str, bound_to: bytes) -> bytes:
    """The secret, or SecretUnreadable."""
    sealed = bytes(sealed)
    try:
        return _key(settings.SECRET_KEY, purpose).decrypt(
            sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to
        )
    except (InvalidTag, ValueError):
        raise SecretUnreadable(
            f"a stored secret ({purpose}) does not open with this VSAAS_SECRET_KEY"
        ) from None
