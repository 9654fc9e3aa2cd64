"""SOAP 1.2 as cameras speak it (ONVIF Core 5): envelopes, WS-UsernameToken digests (WSS 1.0), answers. Pure.

What a camera sends is a stranger's: no document types, so no entities; at most `XML_BYTES_MAX`, and bounded in depth and number.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from typing import Final
from xml.etree.ElementTree import Element as Element  # the type; what parses is defusedxml

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from edge_agent.onvif.errors import OnvifFailed

XML_BYTES_MAX: Final = 1024 * 1024
DEPTH_MAX: Final = 64
ELEMENTS_MAX: Final = 50_000
"""No real answer comes near either; more of them would hold everybody up while they are read."""
TEXT_MAX: Final = 200
_ENVELOPE: Final = "http://www.w3.org/2003/05/soap-envelope"
_ADDRESSING: Final = "http://www.w3.org/2005/08/addressing"
_WSS: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
_DIGEST: Final = f"{_WSS}-username-token-profile-1.0#PasswordDigest"
_BASE64: Final = f"{_WSS}-soap-message-security-1.0#Base64Binary"


def username_token(user: str, password: str, created: datetime, nonce: bytes) -> str:
    """The security header. `created`: by the camera's clock, or it is refused."""
    at = created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    mixed = hashlib.sha1(nonce + at.encode() + password.encode(), usedforsecurity=False).digest()
    return (
        f'<w:Security s:mustUnderstand="1" xmlns:w="{_WSS}-wssecurity-secext-1.0.xsd"><w:UsernameToken>'
        f"<w:Username>{escape(user)}</w:Username>"
        f'<w:Password Type="{_DIGEST}">{base64.b64encode(mixed).decode()}</w:Password>'
        f'<w:Nonce EncodingType="{_BASE64}">{base64.b64encode(nonce).decode()}</w:Nonce>'
        f'<u:Created xmlns:u="{_WSS}-wssecurity-utility-1.0.xsd">{at}</u:Created>'
        "</w:UsernameToken></w:Security>"
    )


def envelope(body: str, header: str = "", *, action: str = "", to: str = "") -> bytes:
    """A request. `action` and `to`: WS-Addressing, which subscriptions of events want."""
    if action:
        header += (
            f'<a:Action xmlns:a="{_ADDRESSING}">{escape(action)}</a:Action>'
            f'<a:MessageID xmlns:a="{_ADDRESSING}">urn:uuid:{uuid.uuid4()}</a:MessageID>'
            f'<a:To xmlns:a="{_ADDRESSING}">{escape(to)}</a:To>'
        )
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{_ENVELOPE}">'
        f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def parse_xml(data: bytes) -> Element:
    """Raises OnvifFailed: not XML, larger than XML_BYTES_MAX, DEPTH_MAX or ELEMENTS_MAX, or with a document type."""
    if len(data) > XML_BYTES_MAX:
        raise OnvifFailed("too-large", "the camera's answer is larger than any should be")
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        # ValueError, LookupError: an encoding that does not exist or does not fit.
        raise OnvifFailed(
            "not-onvif", f"the camera's answer is no XML we take ({type(error).__name__})"
        ) from None
    _check_size(root)
    return root


def _check_size(root: Element) -> None:
    """Raises OnvifFailed. Level by level: what is too deep must not be gone down into."""
    level, count = [root], 0
    for _depth in range(DEPTH_MAX):
        count += len(level)
        level = [child for element in level for child in element]
        if not level and count <= ELEMENTS_MAX:
            return
    raise OnvifFailed("too-large", "the camera's answer has more in it than any should have")


def answer_of(data: bytes) -> Element:
    """What stands in the body of a reply. Raises OnvifFailed for a fault, or what is no reply."""
    root = parse_xml(data)
    body = first(root, "Body") if name_of(root) == "Envelope" else None
    if body is None or len(body) == 0:
        raise OnvifFailed("not-onvif", "the camera does not answer in SOAP")
    if name_of(body[0]) == "Fault":
        raise _fault(body[0])
    return body[0]


def _fault(fault: Element) -> OnvifFailed:
    words = [word.rpartition(":")[2] for word in texts(fault, "Value")]
    said = f"{' '.join(words)[:TEXT_MAX]}: {text(fault, 'Reason')}"
    if any(word in ("NotAuthorized", "FailedAuthentication", "SenderNotAuthorized") for word in words):
        return OnvifFailed("credentials", said)
    if any(word in ("AccountLocked", "Locked", "UserLocked") for word in words):
        return OnvifFailed("locked", said)
    if any(word in ("ActionNotSupported", "OptionalActionNotImplemented", "NotSupported") for word in words):
        return OnvifFailed("unsupported", said)
    return OnvifFailed("refused-setting", said)


def name_of(element: Element) -> str:
    """The local name."""
    return element.tag.rpartition("}")[2]


def all_of(element: Element, name: str) -> Iterator[Element]:
    """Every descendant of this local name."""
    return (item for item in element.iter() if name_of(item) == name)


def first(element: Element | None, *path: str) -> Element | None:
    """The first descendant of the first name, in it the first of the next, and so on."""
    for name in path:
        if element is None:
            return None
        element = next(all_of(element, name), None)
    return element


def text(element: Element | None, *path: str, most: int = TEXT_MAX) -> str:
    """The printable text of `first`, cut to `most` characters; empty where there is none."""
    found = first(element, *path)
    whole = "" if found is None else "".join(found.itertext())
    return "".join(char for char in whole.strip()[: 4 * most] if char.isprintable())[:most]


def texts(element: Element, name: str, most: int = TEXT_MAX) -> list[str]:
    """The texts of every descendant of this name."""
    return [text(item, most=most) for item in all_of(element, name)]


def number(element: Element | None, *path: str, most: int = 2**31 - 1) -> int:
    """A number, 0 for none, for a negative one and for more than `most`; halves are cut off."""
    try:
        value = float(text(element, *path))
    except ValueError:
        return 0
    return int(value) if 0 <= value <= most else 0
