"""What a camera notices, by its ONVIF event service: a pull point (ONVIF Core 9, WS-BaseNotification), asked again and again.

What a camera says here is a stranger's: topics that are not known are passed over, names are cut and printable, and its clock
is not looked at: what it tells happened when it arrived.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from defusedxml.ElementTree import tostring

from edge_agent.happenings import SOURCE_MAX
from edge_agent.onvif.device import EVENTS, Device
from edge_agent.onvif.door import Door
from edge_agent.onvif.errors import OnvifFailed
from edge_agent.onvif.soap import Element, all_of, first, name_of, text

NOTIFICATION: Final = "http://docs.oasis-open.org/wsn/b-2"
MANAGER: Final = "http://docs.oasis-open.org/wsn/bw-2"
LIVES_S: Final = 60
"""How long a camera is asked to keep a subscription; it is renewed when half of that is over."""
WAITS_S: Final = 5
"""How long a camera may hold an answer back when there is nothing to tell; shorter than `door.REPLY_S`."""
AT_ONCE: Final = 100
PREFIX: Final = "onvif:"
_PARAMETERS_MAX: Final = 4000
_WORDS: Final = {"true": True, "1": True, "false": False, "0": False}
_TAMPER: Final = ("globalscenechange", "imagetooblurry", "imagetoodark", "imagetoobright", "tamper")
_UNKNOWN: Final = ("unsupported", "refused-setting")


@dataclass(frozen=True)
class Notice:
    """One notification: `kind` as a happening's, `source` with its prefix. `active` None: it happened and is over."""

    kind: str
    source: str
    active: bool | None
    detail: str


def notices_of(answer: Element) -> list[Notice]:
    """What the first AT_ONCE messages of an answer to PullMessages tell that is known here. Pure."""
    # Children alone: within each other, messages would be read again and again.
    messages = islice((item for item in answer if name_of(item) == "NotificationMessage"), AT_ONCE)
    told = (_notice(message) for message in messages)
    return [notice for notice in told if notice is not None]


def _notice(message: Element) -> Notice | None:
    steps = [step.rpartition(":")[2] for step in text(message, "Topic").split("/")]
    kind = _kind(steps)
    if kind is None:
        return None
    name = steps[-1] if kind == "input" or len(steps) < 2 else steps[1]
    source, data = first(message, "Source"), first(message, "Data")
    where = " ".join(item.get("Value", "") for item in _items(source))
    label = "".join(char for char in f"{PREFIX}{name} {where}" if char.isprintable()).strip()
    return Notice(kind, label[:SOURCE_MAX], _state(data), "/".join(steps)[:100])


def _kind(steps: list[str]) -> str | None:
    """The kind of a topic: each maker hangs its detectors into the tree of topics somewhere else, so names count."""
    path = "/".join(steps).lower()
    if any(word in path for word in _TAMPER):
        return "tamper"
    if "digitalinput" in path:
        return "input"
    if "linedetector" in path or "linecross" in path:
        return "line"
    if "motion" in path:
        return "motion"
    return "sound" if "detectedsound" in path or "audioanalytics" in path else None


def _items(holder: Element | None) -> list[Element]:
    return [] if holder is None else list(all_of(holder, "SimpleItem"))


def _state(data: Element | None) -> bool | None:
    """The first value that says yes or no; None: there is none, as when a line is crossed."""
    said = (_WORDS.get(item.get("Value", "").strip().lower()) for item in _items(data))
    return next((value for value in said if value is not None), None)


@dataclass(frozen=True)
class _PullPoint:
    """Where a subscription is pulled; `header`: what the camera wants to see in each request to it."""

    at: str
    header: str


class Listening:
    """One subscription at one camera. Every method raises OnvifFailed."""

    def __init__(self, door: Door) -> None:
        self._device = Device(door)
        self._door = door
        self._point: _PullPoint | None = None
        self._renewed_s = 0.0
        self._renews = True

    async def subscribe(self) -> None:
        """Find the event service and have a pull point made."""
        await self._device.prepare()
        await self._device.find_services()
        inside = f"<InitialTerminationTime>PT{LIVES_S}S</InitialTerminationTime>"
        answer = await self._device.call(
            EVENTS,
            f'<CreatePullPointSubscription xmlns="{EVENTS}">{inside}</CreatePullPointSubscription>',
            "EventPortType/CreatePullPointSubscriptionRequest",
            at=self._device.place_of(EVENTS),
        )
        reference = first(answer, "SubscriptionReference")
        address = text(reference, "Address", most=1000)
        if not address:
            raise OnvifFailed("unusable", "the camera names no place to pull its events from")
        self._point = _PullPoint(self._door.within(address), _parameters(reference))
        self._renewed_s = time.monotonic()

    async def pull(self) -> list[Notice]:
        """What came since, after WAITS_S at most when nothing did."""
        if self._renews and time.monotonic() - self._renewed_s > LIVES_S / 2:
            await self._renew()
        answer = await self._ask(
            EVENTS,
            f'<PullMessages xmlns="{EVENTS}"><Timeout>PT{WAITS_S}S</Timeout>'
            f"<MessageLimit>{AT_ONCE}</MessageLimit></PullMessages>",
            "PullPointSubscription/PullMessagesRequest",
        )
        return notices_of(answer)

    async def _renew(self) -> None:
        """A camera that knows no renewing lets a subscription live by pulls, or ends it: then another one is made."""
        inside = f"<TerminationTime>PT{LIVES_S}S</TerminationTime>"
        try:
            await self._ask(
                MANAGER, f'<Renew xmlns="{NOTIFICATION}">{inside}</Renew>', "SubscriptionManager/RenewRequest"
            )
        except OnvifFailed as failure:
            if failure.cause not in _UNKNOWN:
                raise
            self._renews = False
        self._renewed_s = time.monotonic()

    async def leave(self) -> None:
        """Tell the camera that nobody pulls any more."""
        if self._point is not None:
            action = "SubscriptionManager/UnsubscribeRequest"
            await self._ask(MANAGER, f'<Unsubscribe xmlns="{NOTIFICATION}"/>', action)

    async def _ask(self, service: str, body: str, action: str) -> Element:
        assert self._point is not None, "subscribe() comes first"
        return await self._device.call(service, body, action, at=self._point.at, header=self._point.header)


def _parameters(reference: Element | None) -> str:
    """WS-Addressing's reference parameters, which some cameras tell their subscriptions apart by."""
    held = first(reference, "ReferenceParameters")
    whole = "" if held is None else "".join(tostring(item, encoding="unicode") for item in held)
    if len(whole) > _PARAMETERS_MAX:
        raise OnvifFailed("too-large", "the camera's name of a subscription is longer than any should be")
    return whole


def service_of(host: str, service: str) -> str:
    """Where a camera's device service is: as the portal says, where that is at the camera's own host, else at the usual place."""
    if service and urlsplit(service).hostname == host.lower():
        return service
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}/onvif/device_service"
