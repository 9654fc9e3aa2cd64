"""Ways to change a camera's password: ONVIF, and plug-ins for makes that manage their users otherwise.

A plug-in is a class without arguments that has the methods of `Way`. The setting `password_ways` names it:
`axis=vsaas_axis:AxisWay` (several, with commas); cameras name the way in the portal. docs/camera-passwords.md has an example.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeVar

from edge_agent.onvif.device import Device
from edge_agent.onvif.door import Door, open_door
from edge_agent.onvif.errors import OnvifFailed
from edge_agent.passwords.rules import Rules
from edge_agent.settings import BadSetting
from protocol.errors import ProtocolError
from protocol.passwords import CAUSES, ONVIF, check_way

T = TypeVar("T")

Accepted = Callable[[str], frozenset[bytes]]
"""The certificates (SHA-256) a device at this address may show; none: every one."""


def nothing_accepted(url: str) -> frozenset[bytes]:
    """Of a box whose people accepted no certificate."""
    return frozenset()


REFUSED: Final = frozenset({"credentials"})


@dataclass(frozen=True)
class Login:
    """How a device is signed in to. `service`: where the portal says its way in is; "" where it does not. Never printed."""

    host: str
    service: str
    user: str
    password: str = field(repr=False)

    def with_password(self, password: str) -> Login:
        return replace(self, password=password)


class Way(Protocol):
    """Each method raises OnvifFailed with one of `protocol.passwords.CAUSES` when the device cannot be asked, and keeps
    passwords out of its texts and logs."""

    async def rules(self, login: Login) -> Rules:
        """What the device takes for a password."""

    async def takes(self, login: Login) -> bool:
        """Whether the device takes this login: one try, never more."""

    async def set(self, login: Login, new: str) -> None:
        """Give the login's user a new password, signed in with the one it has. Raises OnvifFailed `refused-setting` where the
        device refuses the new one and keeps the old."""


class OnvifWay:
    """By ONVIF user management (Core, 8.4). The login must be an administrator's: no other may set users."""

    def __init__(self, accepted: Accepted = nothing_accepted) -> None:
        self._accepted = accepted

    def _open(self, login: Login) -> AbstractAsyncContextManager[Door]:
        host = f"[{login.host}]" if ":" in login.host else login.host
        url = login.service or f"http://{host}/onvif/device_service"
        return open_door(url, login.user, login.password, self._accepted(url))

    async def rules(self, login: Login) -> Rules:
        """From the device's capabilities and its complexity options, where it tells them."""
        async with self._open(login) as door:
            device = Device(door)
            await device.prepare()
            shortest, longest = await device.password_lengths()
        return Rules().within(shortest=shortest, longest=longest)

    async def takes(self, login: Login) -> bool:
        """By the list of users: only administrators see it, and no camera tells it to strangers."""
        async with self._open(login) as door:
            device = Device(door)
            await device.prepare()
            try:
                await device.users()
            except OnvifFailed as failure:
                if failure.cause in REFUSED:
                    return False
                raise
            return True

    async def set(self, login: Login, new: str) -> None:
        """Raises OnvifFailed as `Way.set`; `no-user` where the device does not list the user."""
        async with self._open(login) as door:
            device = Device(door)
            await device.prepare()
            level = dict(await device.users()).get(login.user)
            if level is None:
                raise OnvifFailed("no-user", "the device does not list this user")
            await device.set_password(login.user, new, level)


class _Guarded:
    """A plug-in whose mistakes do not stop the agent: what it raises beside OnvifFailed is one as well. Its text is kept out of
    the log, for it may hold a password."""

    def __init__(self, name: str, made: Way) -> None:
        self._name, self._made = name, made

    async def rules(self, login: Login) -> Rules:
        return await self._done(self._made.rules(login))

    async def takes(self, login: Login) -> bool:
        return await self._done(self._made.takes(login))

    async def set(self, login: Login, new: str) -> None:
        await self._done(self._made.set(login, new))

    async def _done(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except OnvifFailed as failure:
            if failure.cause in CAUSES:
                raise
            raise OnvifFailed("unusable", f"the plug-in {self._name} names an unknown cause") from None
        except Exception as error:  # noqa: BLE001 a plug-in may raise anything, and stops no recording with it
            raise OnvifFailed(
                "unusable", f"the plug-in {self._name} failed ({type(error).__name__})"
            ) from None


def load_ways(setting: str, accepted: Accepted = nothing_accepted) -> dict[str, Way]:
    """The ways there are: ONVIF, and the plug-ins of the setting. Raises BadSetting."""
    ways: dict[str, Way] = {ONVIF: OnvifWay(accepted)}
    for item in filter(None, (part.strip() for part in setting.split(","))):
        name, _, where = item.partition("=")
        module, _, attribute = where.partition(":")
        try:
            check_way(name)
            made = getattr(importlib.import_module(module), attribute)()
        except (ProtocolError, ImportError, AttributeError, ValueError, TypeError) as error:
            raise BadSetting(
                f"the setting 'password_ways' names {item!r}, which cannot be used ({type(error).__name__}: {error}): "
                "write name=module:Class, and put the module where this agent's Python finds it"
            ) from error
        if name == ONVIF or not all(hasattr(made, method) for method in ("rules", "takes", "set")):
            raise BadSetting(
                f"the setting 'password_ways': {item!r} has not the methods rules, takes and set, or its name is taken"
            )
        ways[name] = _Guarded(name, made)
    return ways
