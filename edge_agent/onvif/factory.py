"""Passwords that cameras left the factory with, and whether one still takes its own.

One pair per make, taken from its manuals, and at most one try per camera and day: cameras lock an account after five or
seven wrong passwords (Hikvision, HiWatch: "Illegal Login Lock", 7 for admin, 5 for others; Dahua: "Account Lockout", set
by the owner). A camera that just refused a password typed by a person is not tried at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from edge_agent.onvif.device import Device
from edge_agent.onvif.errors import OnvifFailed

PASSWORDS: Final = {
    "axis": ("root", "pass"),  # AXIS 2100 User's Guide p. 42, AXIS 2120 User's Manual p. 25
    "hikvision": ("admin", "12345"),  # User Manual of Network Camera (DS-2CD4 series) 12.1
    "dahua": ("admin", "admin"),  # Dahua HDCVI User's Manual V1.6.1, 4.11 Account
    "siqura": ("Admin", "1234"),  # PD1103 User Manual 5.4
}
_AGAIN_S: Final = 24 * 3600
_REMEMBERED: Final = 5000


class FactoryPasswords:
    """Remembers which cameras were tried. `clock`: seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tried: dict[str, float] = {}

    async def opens(self, device: Device, said: str) -> bool:
        """Whether the camera takes the password its make shipped. `said`: make and name, as it tells them.

        False too when nothing was tried: an unknown make, or a try within the last day.
        """
        pair = next((pair for make, pair in PASSWORDS.items() if make in said.casefold()), None)
        if pair is None:
            return False
        door = device.door
        own = (door.user, door.password)
        if own == pair:
            return await self._takes(device)  # no try of ours: a person gave this one
        if not self._may_try(f"{door.host}:{door.port}"):
            return False
        door.be(*pair)
        try:
            return await self._takes(device)
        finally:
            door.be(*own)

    def _may_try(self, camera: str) -> bool:
        now = self._clock()
        if now - self._tried.get(camera, -_AGAIN_S) < _AGAIN_S:
            return False
        self._tried[camera] = now
        if len(self._tried) > _REMEMBERED:
            del self._tried[next(iter(self._tried))]
        return True

    @staticmethod
    async def _takes(device: Device) -> bool:
        """By the list of users: only administrators see it, and no camera tells it to strangers."""
        try:
            await device.users()
        except OnvifFailed:
            return False
        return True
