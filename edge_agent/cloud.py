"""The agent's requests to the portal (signed, RFC 9421) and its uploads to the store (presigned).

Every reply of the portal brings a nonce for a later request; without one at hand the portal refuses with `stale-nonce`
and a fresh one, and the request is signed again, once. All routes are idempotent, so a request whose connection broke
is repeated once as well. The proxy is the one set, else the environment's (HTTPS_PROXY, NO_PROXY); certificates are always
verified, against the system's or SSL_CERT_FILE; redirects are never followed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

from edge_agent import __version__
from edge_agent.capture.source import Backoff
from edge_agent.errors import AgentError, PortalRefused, PortalUnreachable
from edge_agent.identity import Signing, is_loopback
from edge_agent.networks import NO_PROXY, Network
from edge_agent.pace import PIECE_BYTES, Pace
from edge_agent.spool_settings import Pacing
from protocol import limits
from protocol.signatures import NONCE_HEADER, sign_request

log = logging.getLogger(__name__)

USER_AGENT: Final = f"vsaas-agent/{__version__}"
REPLY_BYTES_MAX: Final = 16 * 1024 * 1024
"""The largest reply read: a thousand statements and a command document stay far below."""
_ERROR_BYTES_MAX: Final = 64 * 1024
_NO_NONCE: Final = "none"
_CBOR: Final = "application/cbor"
_BYTES: Final = "application/octet-stream"
# No statement has this number yet, so the reply is as small as one gets.
_SMALL_ROUTE: Final = "/agent/v1/state?statements=999999999"
_NONCES_KEPT: Final = 16
# Younger than the portal's own limit, so that a nonce does not run out on the way.
_NONCE_USABLE_S: Final = limits.NONCE_SECONDS * 0.8
_RETRY_AFTER_MOST_S: Final = 600.0
_WEARY_AFTER_S: Final = 600.0
_PUT_PIECE_BYTES: Final = 1024 * 1024
_PROBLEM_PREFIX: Final = "urn:vsaas:problem:"
_STORE_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")
# 403 answers that a fresh grant cures; others (a wrong signature) it does not.
_GRANT_OVER: Final = ("AccessDenied", "ExpiredToken", "RequestExpired", "RequestTimeTooSkewed", "")


class PutOutcome(StrEnum):
    """What became of an upload."""

    STORED = "stored"
    ALREADY_THERE = "already-there"
    """412: an earlier attempt stored it. Success."""
    EXPIRED = "expired"
    """The grant is over: send the record again, the reply brings a fresh one."""


class StoreRefused(AgentError):
    """The store refused an upload for good: a retry of the same bytes will be refused too. `status`: HTTP."""

    def __init__(self, message: str, status: int, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class BadProxy(AgentError):
    """The environment or a setting names a proxy of a kind that is not supported (SOCKS)."""

    exit_code = 2


class StoreUnreachable(PortalUnreachable):
    """No answer from the object store, or a passing trouble there: try again later."""


class TransferBroken(StoreUnreachable):
    """The connection broke off in the middle of an upload.

    Some stores refuse an object that is there already without reading it to its end, and their answer is lost then:
    so the object may be there.
    """


@dataclass(frozen=True)
class Contact:
    """When the portal last answered (UTC µs), and what went wrong since, if anything."""

    last_us: int | None
    trouble: str | None


class Patience:
    """How long to wait after a failure: what the portal asked for, or longer and longer; with chance in both.

    `weary_s`: after ten minutes without success the longest wait, so that after an outage of a day the agents come back
    spread over minutes and not all in one.
    """

    def __init__(
        self, first_s: float = 1.0, longest_s: float = 60.0, *, weary_s: float | None = None
    ) -> None:
        self._backoff = Backoff(first_s, longest_s)
        self._weary = None if weary_s is None else Backoff(weary_s, weary_s)
        self._since_s: float | None = None
        self._random = random.SystemRandom()

    def after(self, error: AgentError) -> float:
        """Seconds to wait before the next attempt."""
        now_s = time.monotonic()
        self._since_s = self._since_s if self._since_s is not None else now_s
        asked_s = error.retry_after_s if isinstance(error, PortalRefused) else None
        weary = self._weary if now_s - self._since_s > _WEARY_AFTER_S else None
        # All were told the same number of seconds: never sooner, but not in one moment either.
        return max((asked_s or 0.0) * self._random.uniform(1.0, 1.5), (weary or self._backoff).next_s())

    def reset(self) -> None:
        """Something worked."""
        self._since_s = None
        self._backoff.reset()


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: httpx.Headers
    body: bytes


class Cloud:
    """One per process; `async with Cloud(identity) as cloud`. Calls may run at the same time."""

    def __init__(self, signing: Signing, network: Network | None = None) -> None:
        """`signing`: an Identity, or the keys of an enrolment under way. `network`: None leaves all to the environment."""
        self._signing = signing
        self.network = network or Network()
        tls = ssl.create_default_context()  # the system's certificates, or SSL_CERT_FILE
        timeout = httpx.Timeout(30.0, connect=10.0)
        pool = httpx.Limits(max_connections=16, max_keepalive_connections=4, keepalive_expiry=60)
        # Presigned requests carry nothing of ours: they have a client of their own.
        # No proxy leads to this machine itself; elsewhere the setting says, or the environment.
        local = is_loopback(httpx.URL(signing.portal).host)
        named = self.network.proxy
        proxy = httpx.Proxy(named) if named not in ("", NO_PROXY) and not local else None
        from_environment = not local and not named
        try:
            self._portal = httpx.AsyncClient(
                verify=tls, timeout=timeout, limits=pool, trust_env=from_environment, proxy=proxy
            )
            self._store = httpx.AsyncClient(
                verify=tls,
                timeout=httpx.Timeout(60.0, connect=10.0),
                limits=pool,
                trust_env=from_environment,
                proxy=proxy,
            )
        except (ImportError, ValueError) as error:
            raise BadProxy(
                "the proxy (the setting 'proxy', or HTTPS_PROXY, HTTP_PROXY, ALL_PROXY) cannot be used: name an http:// proxy"
            ) from error
        self._nonces: deque[tuple[float, str]] = deque(maxlen=_NONCES_KEPT)
        self._portal_offset_us: int | None = None
        self._portal_last_us: int | None = None
        self.contact = Contact(None, "no contact yet")
        self.pace = Pace(Pacing())
        """How fast uploads go."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._portal.aclose()
        await self._store.aclose()

    @property
    def portal(self) -> str:
        return self._signing.portal

    async def post_cbor(self, path: str, body: bytes) -> bytes:
        """POST canonical CBOR; the reply's body. Raises PortalUnreachable or PortalRefused."""
        answer = await self._ask("POST", path, body, _CBOR)
        if answer.headers.get("Content-Type", "").partition(";")[0].strip() != _CBOR:
            raise self._not_a_portal(path, "CBOR")
        return answer.body

    async def post_json(self, path: str, data: object) -> dict[str, Any] | None:
        """POST a JSON object; the reply's object, None for 204. Raises PortalUnreachable or PortalRefused."""
        answer = await self._ask("POST", path, json.dumps(data).encode(), "application/json")
        return None if answer.status == 204 else self._object(path, answer.body)

    async def get_json(self, path: str) -> dict[str, Any]:
        """GET a JSON object. Raises PortalUnreachable or PortalRefused."""
        answer = await self._ask("GET", path)
        return self._object(path, answer.body)

    async def get_bytes(self, path: str) -> bytes:
        """GET a part of a file, REPLY_BYTES_MAX at most. Raises PortalUnreachable or PortalRefused."""
        answer = await self._ask("GET", path)
        if answer.headers.get("Content-Type", "").partition(";")[0].strip() != _BYTES:
            raise self._not_a_portal(path, "file")
        return answer.body

    async def put(
        self, url: str, headers: Mapping[str, str], body: Path | bytes | AsyncIterator[bytes], size_bytes: int
    ) -> PutOutcome:
        """PUT one object to the store with a grant's URL and headers, without our signature.

        Raises StoreUnreachable (try later), StoreRefused (never by itself), OSError when the file cannot be read.
        """
        content = _pieces(body, size_bytes, self.pace) if isinstance(body, Path) else body
        wanted = {**headers, "Content-Length": str(size_bytes), "User-Agent": USER_AGENT}
        try:
            host = httpx.URL(url).host
        except httpx.InvalidURL:
            raise StoreRefused("the portal's grant names an address that cannot be read", 0, "") from None
        try:
            async with self._store.stream("PUT", url, headers=wanted, content=content) as reply:
                status = reply.status_code
                code = await _store_code(reply) if status >= 300 else ""
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError) as error:
            raise TransferBroken(f"the object store at {host} broke the upload off") from error
        except httpx.HTTPError as error:
            raise StoreUnreachable(
                f"cannot upload: {_cause(error, f'the object store at {host}', self.network.proxy_to(host))}"
            ) from error
        if status in (200, 201, 204):
            return PutOutcome.STORED
        if status == 412:
            return PutOutcome.ALREADY_THERE
        if status == 403 and code in _GRANT_OVER:
            log.info("the store at %s says the grant is over (%s)", host, code or status)
            return PutOutcome.EXPIRED
        if status in (408, 409, 425, 429) or status >= 500:
            raise StoreUnreachable(
                f"the object store at {host} cannot take uploads now (status {status} {code})"
            )
        raise StoreRefused(
            f"the object store at {host} refused the upload (status {status} {code}): look at its log and settings",
            status,
            code,
        )

    async def handshake(self, url: str) -> dict[str, str]:
        """Signed headers for opening the WebSocket `url` (ws or wss). Raises PortalUnreachable or PortalRefused."""
        return self._sign("GET", http_form(url), await self._nonce_for_socket(), None)

    def portal_time_us(self) -> int:
        """The portal's clock to about a second, UTC µs, out of its last reply; this box's own before the first one."""
        if self._portal_offset_us is None:
            return time.time_ns() // 1000
        return self._portal_offset_us + time.monotonic_ns() // 1000

    @property
    def portal_time_known(self) -> bool:
        """Whether the portal has told its time since this start."""
        return self._portal_offset_us is not None

    def _keep_portal_time(self, headers: Mapping[str, str]) -> None:
        try:
            date = parsedate_to_datetime(headers.get("Date", ""))
        except ValueError:
            return
        # The header is cut to whole seconds: half of one is right on average.
        self._portal_offset_us = int(date.timestamp() * 1e6) + 500_000 - time.monotonic_ns() // 1000

    def keep_nonce(self, headers: Mapping[str, str]) -> bool:
        """Take the nonce out of a reply's headers; False when there is none."""
        nonce = _nonce_in(headers)
        if nonce is None:
            return False
        self._nonces.append((time.monotonic(), nonce))
        return True

    async def _nonce_for_socket(self) -> str:
        nonce = self._take_nonce()
        if nonce is None:
            # A refused handshake may come without a nonce, so one is fetched first.
            await self._reply("GET", _SMALL_ROUTE, None, None)
            nonce = self._take_nonce()
        return nonce or _NO_NONCE

    def _take_nonce(self) -> str | None:
        while self._nonces:
            taken_at, nonce = self._nonces.pop()
            if time.monotonic() - taken_at < _NONCE_USABLE_S:
                return nonce
        return None

    def _sign(self, method: str, url: str, nonce: str, body: bytes | None) -> dict[str, str]:
        signing = self._signing
        created = datetime.now(UTC)
        return sign_request(
            method,
            url,
            key=signing.transport,
            key_id=signing.transport_key_id,
            nonce=nonce,
            created=created,
            body=body,
        )

    async def _ask(
        self, method: str, path: str, body: bytes | None = None, content_type: str | None = None
    ) -> _Answer:
        """One request with its retries. Raises PortalUnreachable, or PortalRefused for any status but 2xx."""
        answer = await self._reply(method, path, body, content_type)
        if 200 <= answer.status < 300:
            self._portal_last_us = self.contact.last_us
            self.contact = Contact(time.time_ns() // 1000, None)
            return answer
        error = self._refusal(method, path, answer)
        self.contact = Contact(self.contact.last_us, str(error))
        raise error

    async def _reply(self, method: str, path: str, body: bytes | None, content_type: str | None) -> _Answer:
        """The reply to a request sent again once over a new nonce, and once when its connection broke."""
        breaks = stales = 0
        nonce: str | None = None
        while True:
            try:
                answer = await self._exchange(method, path, body, content_type, nonce)
            except httpx.HTTPError as error:
                # The usual cause of a break is a kept connection that the other side closed in the same moment.
                broken = isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError)
                if broken and breaks == 0:
                    breaks, nonce = 1, None
                    continue
                proxy = self.network.proxy_to(httpx.URL(self.portal).host)
                message = f"cannot reach the portal: {_cause(error, self.portal, proxy)}"
                self.contact = Contact(self.contact.last_us, message)
                raise PortalUnreachable(message) from error
            # A break cost a nonce as well, so it does not count as the one retry.
            if answer.status == 401 and _problem(answer)[0] == "stale-nonce" and stales <= breaks:
                stales += 1
                nonce = _nonce_in(answer.headers)
                continue
            return answer

    async def _exchange(
        self, method: str, path: str, body: bytes | None, content_type: str | None, nonce: str | None
    ) -> _Answer:
        """`nonce`: the one to sign with; None takes one that is kept."""
        url = self.portal + path
        headers = self._sign(method, url, nonce or self._take_nonce() or _NO_NONCE, body)
        headers |= {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        if content_type is not None:
            headers["Content-Type"] = content_type
        async with self._portal.stream(method, url, headers=headers, content=body) as reply:
            # Who gives no nonce is not the portal, whatever time it tells. One that comes with a refusal is for this request's
            # next try: a request under way beside it would take it away.
            refused = reply.status_code == 401 and _nonce_in(reply.headers) is not None
            if refused or self.keep_nonce(reply.headers):
                self._keep_portal_time(reply.headers)
            most = REPLY_BYTES_MAX if reply.status_code < 300 else _ERROR_BYTES_MAX
            return _Answer(reply.status_code, reply.headers, await _limited(reply, most))

    def _object(self, path: str, body: bytes) -> dict[str, Any]:
        try:
            data = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self._not_a_portal(path) from error
        if not isinstance(data, dict):
            raise self._not_a_portal(path)
        return data

    def _not_a_portal(self, path: str, wanted: str = "JSON") -> PortalUnreachable:
        """A page where nobody has signed in to the network yet, a proxy: it counts as no contact."""
        message = (
            f"what answers at {self.portal} is not the portal (no {wanted} from {path.partition('?')[0]}): check the address "
            "and the proxy, and whether this network wants a sign-in first"
        )
        self.contact = Contact(self._portal_last_us, message)
        return PortalUnreachable(message)

    def _refusal(self, method: str, path: str, answer: _Answer) -> AgentError:
        name, detail = _problem(answer)
        status = answer.status
        if 300 <= status < 400:
            return PortalRefused(
                f"{self.portal} redirects elsewhere (status {status}): use the portal's own address",
                status,
                "redirect",
            )
        if not name and status in (404, 405):
            return PortalRefused(
                f"there is no portal at {self.portal} ({method} {path} gives {status}): check the address",
                status,
                "no-portal",
            )
        text = detail or f"status {status}"
        return PortalRefused(
            f"the portal refused {method} {path.partition('?')[0]}: {text}",
            status,
            name,
            _retry_after_s(answer),
            text,
        )


def _nonce_in(headers: Mapping[str, str]) -> str | None:
    nonce = headers.get(NONCE_HEADER) or headers.get(NONCE_HEADER.lower())
    return nonce if nonce and len(nonce) <= 200 else None


def http_form(url: str) -> str:
    """The http(s) form of a ws(s) URL, which a handshake signs. Raises ValueError for another scheme."""
    if not url.startswith(("ws://", "wss://")):
        raise ValueError("a WebSocket's address begins with ws:// or wss://")
    return "http" + url.removeprefix("ws")


async def _pieces(path: Path, size_bytes: int, pace: Pace) -> AsyncIterator[bytes]:
    """The first `size_bytes` of a file, no faster than allowed: behind them may stand what is not for the store."""
    at_once = PIECE_BYTES if pace.limited else _PUT_PIECE_BYTES
    with path.open("rb") as file:
        left = size_bytes
        while left and (piece := await asyncio.to_thread(file.read, min(at_once, left))):
            left -= len(piece)
            await pace.take(len(piece))
            yield piece


async def _limited(reply: httpx.Response, most_bytes: int) -> bytes:
    """The body, read no further than the limit; never unpacked, since we asked for it as it is."""
    if reply.headers.get("Content-Encoding", "identity") != "identity":
        raise httpx.DecodingError("the reply is compressed although this was not asked for")
    pieces: list[bytes] = []
    size = 0
    async for piece in reply.aiter_raw():
        size += len(piece)
        if size > most_bytes:
            raise httpx.DecodingError(f"the reply has more than {most_bytes} bytes")
        pieces.append(piece)
    return b"".join(pieces)


async def _store_code(reply: httpx.Response) -> str:
    body = await _limited(reply, _ERROR_BYTES_MAX)
    found = _STORE_CODE.search(body)
    return found.group(1).decode() if found else ""


def _problem(answer: _Answer) -> tuple[str, str]:
    """(name, detail) of a problem details document (RFC 9457); empty where it is none."""
    if "application/problem+json" not in answer.headers.get("Content-Type", ""):
        return "", ""
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(data, dict):
        return "", ""
    kind, detail = str(data.get("type", "")), data.get("detail") or data.get("title") or ""
    return kind.removeprefix(_PROBLEM_PREFIX), _printable(str(detail))


def _printable(text: str) -> str:
    """Text of the other side, safe to show on a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)[:300]


def _retry_after_s(answer: _Answer) -> float | None:
    """Retry-After in seconds (its other form, a date, needs clocks that agree, and is left out)."""
    text = answer.headers.get("Retry-After", "")
    if answer.status not in (429, 503) or not text.isascii() or not text.isdecimal():
        return None
    return min(float(text), _RETRY_AFTER_MOST_S)


def proxy_refusal(proxy: str | None, status: int | None, text: str) -> str:
    """What a proxy's refusal means, and what to do."""
    whose = f"the proxy {proxy}" if proxy else "the proxy"
    if status == 407:
        return (
            f"{whose} wants a user name and password, or refuses those it was given (407): "
            "set 'proxy' to http://user:password@host:port"
        )
    return f"{whose} refused ({text}): check the setting 'proxy', HTTPS_PROXY and NO_PROXY"


def _cause(error: httpx.HTTPError, whom: str, proxy: str | None) -> str:
    """What went wrong on the way to `whom`, and what to do, in words; never a URL with its query."""
    text = str(error)
    if isinstance(error, httpx.ProxyError):
        return proxy_refusal(proxy, 407 if text.startswith("407") else None, _printable(text))
    if isinstance(error, httpx.TimeoutException):
        return f"{whom} does not answer in time: check the network"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return (
            f"the certificate of {whom} is not trusted here ({text.rpartition('] ')[2]}): check the address and this "
            "clock, or name your own authority's certificate in SSL_CERT_FILE"
        )
    if "Name or service not known" in text or "No address associated" in text or "name resolution" in text:
        return f"the name of {whom} cannot be found: check the address and the name server"
    if isinstance(error, httpx.ConnectError) and proxy:
        return f"{whom} is not reached through the proxy {proxy} ({text}): check the setting 'proxy' and the network"
    if isinstance(error, httpx.ConnectError):
        return f"{whom} takes no connection ({text}): check the address, the network and the firewall"
    return f"{whom}: {text or type(error).__name__}"
