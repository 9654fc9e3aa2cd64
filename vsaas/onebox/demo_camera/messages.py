"""RTSP requests and replies (RFC 2326) as values. Pure: nothing here reads a socket."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_HEAD_BYTES = 16_384
MAX_BODY_BYTES = 65_536
METHODS = (
    "OPTIONS",
    "DESCRIBE",
    "SETUP",
    "PLAY",
    "PAUSE",
    "GET_PARAMETER",
    "TEARDOWN",
)
REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    406: "Not Acceptable",
    413: "Request Entity Too Large",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "RTSP Version Not Supported",
    551: "Option not supported",
}
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class RtspError(Exception):
    """A request that is answered with an error status. `cseq` is empty where none could be read."""

    def __init__(self, status: int, message: str, *, cseq: str = "", closes: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.cseq = cseq
        self.closes = closes
        self.headers: dict[str, str] = {}


@dataclass(frozen=True)
class Request:
    """One request. Header names are in lower case; the body is read by its Content-Length and dropped."""

    method: str
    uri: str
    cseq: str
    headers: dict[str, str]

    @property
    def content_length(self) -> int:
        text = self.headers.get("content-length", "0")
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise RtspError(400, f"Content-Length {text!r} is not a number", cseq=self.cseq, closes=True)
        length = int(text)
        if length > MAX_BODY_BYTES:
            raise RtspError(413, f"a body of {length} bytes is too large", cseq=self.cseq, closes=True)
        return length

    @property
    def path(self) -> list[str]:
        """The parts of the URI's path: ["main", "trackID=0"]. Empty for `*` and for the bare host."""
        if self.uri == "*":
            return []
        try:
            parts = urlsplit(self.uri)
        except ValueError as error:
            raise RtspError(400, "the URI cannot be read", cseq=self.cseq) from error
        if parts.scheme not in ("rtsp", "rtsps", ""):
            raise RtspError(400, "the URI is not an rtsp:// or rtsps:// one", cseq=self.cseq)
        return [part for part in parts.path.split("/") if part]


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name):
            raise RtspError(400, "a header line cannot be read", closes=True)
        key = name.lower()
        headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
    return headers


def parse_request(head: bytes) -> Request:
    """Parse a request's lines up to and without the empty one. Raises RtspError for anything unreadable."""
    try:
        lines = head.decode("utf-8").split("\r\n")
    except UnicodeDecodeError as error:
        raise RtspError(400, "the request is not text", closes=True) from error
    words = lines[0].split(" ")
    if len(words) != 3 or not _TOKEN.fullmatch(words[0]) or not words[1]:
        raise RtspError(400, "the request line cannot be read", closes=True)
    method, uri, version = words
    if not re.fullmatch(r"RTSP/\d\.\d", version):
        raise RtspError(400, "this is not RTSP", closes=True)
    headers = _headers([line for line in lines[1:] if line])
    cseq = headers.get("cseq", "")
    if version != "RTSP/1.0":
        raise RtspError(505, f"{version} is not spoken here, RTSP/1.0 is", cseq=cseq)
    if not cseq.isascii() or not cseq.isdigit() or len(cseq) > 10:
        raise RtspError(400, "the request has no CSeq number")
    return Request(method, uri, cseq, headers)


def format_response(status: int, headers: dict[str, str] | list[tuple[str, str]], body: bytes = b"") -> bytes:
    """Return a reply's bytes. A list of headers may name one several times."""
    pairs = list(headers.items()) if isinstance(headers, dict) else headers
    lines = [f"RTSP/1.0 {status} {REASONS[status]}", *(f"{name}: {value}" for name, value in pairs)]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def interleaved_channels(transport: str, cseq: str) -> tuple[int, int] | None:
    """Choose the first RTP-over-TCP offer of a Transport header and return its channels.

    Returns None when the offer leaves the channels to the server. Raises RtspError 461 where there is only
    UDP or multicast, and 400 where the channels make no sense.
    """
    for offer in transport.split(","):
        fields = [part.strip() for part in offer.split(";")]
        if fields[0].upper() != "RTP/AVP/TCP" or "multicast" in (part.lower() for part in fields):
            continue
        chosen = [part[len("interleaved=") :] for part in fields if part.lower().startswith("interleaved=")]
        if not chosen:
            return None
        match = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", chosen[0])
        first = int(match[1]) if match else 256
        second = int(match[2]) if match and match[2] else first + 1
        if first > 255 or second > 255 or first == second:
            raise RtspError(400, "the interleaved channels make no sense", cseq=cseq)
        return first, second
    raise RtspError(461, "only RTP over this TCP connection is offered (RTP/AVP/TCP, unicast)", cseq=cseq)
