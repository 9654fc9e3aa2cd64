"""HTTP to one camera, within bounds: no redirect, no proxy, no other host, nothing larger or longer than it should be.

A camera signs its own certificate, so who it is is not asked until a person has accepted its certificate: from then on no
other will do, as when recording, and nothing is sent before it was seen. Which TLS it speaks is noted. Passwords go out as
digests only, never by Basic: what listens on the way learns none.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import socket
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx

from edge_agent.capture.rtsp import Address, Authorizer
from edge_agent.networks import towards_cameras
from edge_agent.onvif.errors import OnvifFailed
from edge_agent.onvif.soap import XML_BYTES_MAX
from protocol.finding import is_forbidden

CONNECT_S: Final = 4.0
REPLY_S: Final = 10.0
_PORTS: Final = {"http": 80, "https": 443}
_OLD: Final = frozenset({"SSLv3", "TLSv1", "TLSv1.1"})


class _AnotherCertificate(ssl.SSLError):
    """The camera shows another certificate than the accepted one."""


class _Tls(ssl.SSLContext):
    """`accepted`: SHA-256 of the certificates that will do; empty: every one."""

    accepted: frozenset[bytes] = frozenset()


class _Checked(ssl.SSLObject):
    """Ends the handshake where the certificate is none of the accepted ones: before a byte of a request is sent."""

    def do_handshake(self) -> None:
        super().do_handshake()
        context = self.context
        assert isinstance(context, _Tls)
        shown = hashlib.sha256(self.getpeercert(binary_form=True) or b"").digest()
        if context.accepted and shown not in context.accepted:
            raise _AnotherCertificate(1, "another certificate than the accepted one")


def _any_tls(accepted: frozenset[bytes]) -> _Tls:
    """Takes old TLS as well: so that it is found, and said."""
    context = _Tls(ssl.PROTOCOL_TLS_CLIENT)
    context.accepted, context.sslobject_class = accepted, _Checked
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


class Door:
    """One camera's services. Use `open_door`."""

    def __init__(
        self, url: str, address: str, client: httpx.AsyncClient, user: str, password: str, tls: _Tls
    ) -> None:
        """`tls`: where it names accepted certificates no other will do, so no way leads out of TLS."""
        parts = urlsplit(url)
        self.scheme, self.host = parts.scheme, parts.hostname or ""
        self.port = parts.port or _PORTS[parts.scheme]
        self.url, self.address = url, address
        self.user, self.password = user, password
        self.old_tls = False
        self._tls = tls
        self._pinned = bool(tls.accepted) and self.scheme == "https"
        self._client = client
        self._authorizer = self._fresh()

    def _fresh(self) -> Authorizer:
        return self._authorizer_of(self.user, self.password)

    def _authorizer_of(self, user: str, password: str) -> Authorizer:
        return Authorizer(Address(self.url, self.host, self.port, self.scheme == "https", user, password))

    def accept(self, certificate: bytes) -> None:
        """Where only accepted certificates will do, this one (SHA-256) will as well: the camera is given it."""
        if self._tls.accepted:
            self._tls.accepted |= {certificate}

    def be(self, user: str, password: str) -> None:
        """Speak as somebody else from now on."""
        self.user, self.password = user, password
        self._authorizer = self._fresh()

    def within(self, url: str) -> str:
        """An address that a camera names, led back to this camera: whatever host it says, which behind a router is often
        a wrong one, is not gone to. Raises OnvifFailed for what is none."""
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise OnvifFailed("not-onvif", "the camera names an address that cannot be read") from None
        if parts.scheme not in _PORTS:
            raise OnvifFailed("not-onvif", "the camera names a service that is not reached by HTTP")
        same = host == self.host and (parts.scheme == "https" or not self._pinned)
        scheme = parts.scheme if same else self.scheme
        port = (port or _PORTS[scheme]) if same else self.port
        return urlunsplit((scheme, _netloc(self.host, port), parts.path or "/", parts.query, ""))

    async def post(self, url: str, body: bytes, action: str, *, signed: bool = True) -> bytes:
        """The reply's body, whatever its status says. Not `signed`: as somebody without a password. Raises OnvifFailed."""
        headers = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{action}"'}
        status, data = await self._ask("POST", url, body, headers, XML_BYTES_MAX, signed)
        if status == 401:
            raise OnvifFailed("credentials", "the camera refuses the user name or the password")
        if status == 404:
            raise OnvifFailed("not-onvif", "the camera has no ONVIF service at this address")
        return data

    async def get(self, url: str, bytes_max: int) -> bytes:
        """Raises OnvifFailed for every status but 200."""
        status, data = await self._ask("GET", url, b"", {}, bytes_max)
        if status != 200:
            raise OnvifFailed("credentials" if status == 401 else "unsupported", f"status {status}")
        return data

    async def _ask(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: dict[str, str],
        bytes_max: int,
        signed: bool = True,
    ) -> tuple[int, bytes]:
        authorizer = self._authorizer if signed else self._authorizer_of("", "")
        try:
            async with asyncio.timeout(REPLY_S):
                for _attempt in (1, 2):
                    status, data, challenges = await self._once(
                        method, url, body, headers, bytes_max, authorizer
                    )
                    if status != 401 or not authorizer.learn(challenges):
                        break
        except TimeoutError:
            raise OnvifFailed("timeout", "the camera did not answer in time") from None
        except httpx.TimeoutException:
            raise OnvifFailed("timeout", "nothing at this address answers") from None
        except httpx.ConnectError as error:
            raise OnvifFailed(_why(error), "no connection to the camera") from None
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, ValueError) as error:
            raise OnvifFailed(
                "closed", f"the camera does not keep to HTTP ({type(error).__name__})"
            ) from None
        return status, data

    async def _once(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: dict[str, str],
        bytes_max: int,
        authorizer: Authorizer,
    ) -> tuple[int, bytes, list[str]]:
        parts = urlsplit(url)
        path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        port = parts.port or _PORTS[parts.scheme]
        asked = dict(headers) | {"Host": _netloc(self.host, port), "Accept-Encoding": "identity"}
        if (authorization := authorizer.header(method, path)) is not None:
            asked["Authorization"] = authorization
        there = urlunsplit((parts.scheme, _netloc(self.address, port), parts.path or "/", parts.query, ""))
        async with self._client.stream(method, there, content=body, headers=asked) as reply:
            self._note_tls(reply)
            if reply.is_redirect:
                raise OnvifFailed("redirect", "the camera sends us elsewhere, which is not followed")
            if reply.headers.get("Content-Encoding", "identity") != "identity":
                raise OnvifFailed("unusable", "the camera packs its answer though it was asked not to")
            data = b""
            async for part in reply.aiter_raw():
                data += part
                if len(data) > bytes_max:
                    raise OnvifFailed("too-large", "the camera's answer is larger than any should be")
            # By Digest alone: Basic would tell the password to whoever listens.
            offered = reply.headers.get_list("WWW-Authenticate")
            digests = [text for text in offered if text.lower().startswith("digest ")]
            return reply.status_code, data, digests

    def _note_tls(self, reply: httpx.Response) -> None:
        stream = reply.extensions.get("network_stream")
        spoken = stream.get_extra_info("ssl_object") if stream is not None else None
        self.old_tls = self.old_tls or (spoken is not None and spoken.version() in _OLD)


def _netloc(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _why(error: BaseException | None) -> str:
    """The cause word of a connection that failed."""
    while error is not None:
        if isinstance(error, _AnotherCertificate):
            return "certificate"
        if isinstance(error, ssl.SSLError):
            return "tls"
        if isinstance(error, ConnectionRefusedError):
            return "refused"
        error = error.__cause__ or error.__context__
    return "no-route"


async def resolve(host: str) -> str:
    """The address a camera's name stands for, the same for all that is asked of it. Raises OnvifFailed."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        address = str(found[0][4][0]).partition("%")[0]
        ipaddress.ip_address(address)
    except (OSError, UnicodeError, ValueError, IndexError):
        raise OnvifFailed("unknown-name", "the host name is not known here") from None
    if is_forbidden(address):
        raise OnvifFailed("forbidden-address", "no camera can have this address")
    return address


@asynccontextmanager
async def open_door(
    url: str, user: str = "", password: str = "", accepted: frozenset[bytes] = frozenset()
) -> AsyncIterator[Door]:
    """A way to the camera whose device service is `url` (checked by `protocol.finding.check_service`). `accepted`: SHA-256 of
    the only certificates it may show in TLS; empty where a person accepted none."""
    address = await resolve(urlsplit(url).hostname or "")
    tls = _any_tls(accepted)
    client = httpx.AsyncClient(
        verify=tls,
        timeout=httpx.Timeout(REPLY_S, connect=CONNECT_S),
        follow_redirects=False,
        trust_env=False,
        limits=httpx.Limits(max_connections=2, max_keepalive_connections=1),
    )
    async with client:
        with towards_cameras():
            yield Door(url, address, client, user, password, tls)
