"""Digest access authentication (RFC 7616, as RTSP uses it), with the older form without qop understood."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

from vsaas.onebox.demo_camera.config import DigestAlgorithm

_PARAMETER = re.compile(r'\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|$)')


def parse_authorization(header: str) -> dict[str, str] | None:
    """Return the parameters of a `Digest ...` header, or None where it is not one."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    parameters: dict[str, str] = {}
    position = 0
    while position < len(rest):
        match = _PARAMETER.match(rest, position)
        if match is None or match[1].lower() in parameters:
            return None
        quoted, bare = match[2], match[3]
        parameters[match[1].lower()] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
        position = match.end()
    return parameters


def _hash(algorithm: str, text: str) -> str:
    data = text.encode()
    if algorithm == "SHA-256":
        return hashlib.sha256(data).hexdigest()
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@dataclass
class DigestGate:
    """Checks one connection's credentials. The nonce is its own, and each count is used once."""

    realm: str
    username: str
    password: str = field(repr=False)
    algorithms: tuple[DigestAlgorithm, ...]
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))
    _highest_count: int = 0

    def challenges(self) -> list[tuple[str, str]]:
        """Return the WWW-Authenticate headers, the strongest first."""
        return [
            (
                "WWW-Authenticate",
                f'Digest realm="{self.realm}", nonce="{self.nonce}", algorithm={algorithm}, '
                'qop="auth", charset=UTF-8',
            )
            for algorithm in self.algorithms
        ]

    def admits(self, method: str, uri: str, header: str | None) -> bool:
        """Say whether an Authorization header proves the password for this request. Never raises."""
        given = parse_authorization(header) if header else None
        if given is None or not {"username", "nonce", "uri", "response"} <= given.keys():
            return False
        algorithm = given.get("algorithm", "MD5").upper()
        if algorithm not in self.algorithms or given["uri"] != uri:
            return False
        if given.get("realm") != self.realm or not hmac.compare_digest(
            given["nonce"].encode(), self.nonce.encode()
        ):
            return False
        expected = self._response(algorithm, method, given)
        same_user = hmac.compare_digest(given["username"].encode(), self.username.encode())
        same_answer = hmac.compare_digest(given["response"].lower().encode(), expected.encode())
        return same_user and same_answer and self._is_fresh(given)

    def _response(self, algorithm: str, method: str, given: dict[str, str]) -> str:
        secret = _hash(algorithm, f"{self.username}:{self.realm}:{self.password}")
        act = _hash(algorithm, f"{method}:{given['uri']}")
        if "qop" not in given:
            return _hash(algorithm, f"{secret}:{self.nonce}:{act}")
        middle = f"{self.nonce}:{given.get('nc', '')}:{given.get('cnonce', '')}:{given['qop']}"
        return _hash(algorithm, f"{secret}:{middle}:{act}")

    def _is_fresh(self, given: dict[str, str]) -> bool:
        """Check the nonce count of the newer form; the older form has none."""
        if "qop" not in given:
            return True
        count = given.get("nc", "")
        if given["qop"] != "auth" or not given.get("cnonce") or not re.fullmatch(r"[0-9a-fA-F]{8}", count):
            return False
        if int(count, 16) <= self._highest_count:
            return False
        self._highest_count = int(count, 16)
        return True
