"""Pan, tilt and zoom by ONVIF's PTZ service (ver20). Every method raises OnvifFailed."""

from __future__ import annotations

from html import escape
from typing import Final

from edge_agent.onvif import soap
from edge_agent.onvif.device import MEDIA, MEDIA2, PTZ, SCHEMA, Device
from edge_agent.onvif.errors import OnvifFailed
from edge_agent.onvif.soap import Element, all_of, first, text
from protocol.finding import STEERS
from protocol.steering import FULL, PRESETS_MAX, Preset

_UNKNOWN: Final = ("unsupported", "refused-setting")
_TOKEN_MAX: Final = 200


class Ptz:
    """Steers the camera behind `device`, whose services were found."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._profile = ""

    async def steers(self) -> tuple[str, ...]:
        """How it lets itself be steered (`protocol.finding.STEERS`). A camera without a node has the service and no motors."""
        try:
            answer = await self._call("GetNodes", profile=False)
        except OnvifFailed as failure:
            if failure.cause not in _UNKNOWN:
                raise
            return STEERS[:1]
        node = first(answer, "PTZNode")
        if node is None:
            return ()
        steps = first(node, "RelativePanTiltTranslationSpace") is not None
        found = {
            "move": True,
            "step": steps or first(node, "RelativeZoomTranslationSpace") is not None,
            "home": text(node, "HomeSupported").lower() in ("true", "1"),
            "presets": soap.number(node, "MaximumNumberOfPresets") > 0,
        }
        return tuple(one for one in STEERS if found[one])

    async def move(self, pan: int, tilt: int, zoom: int, ms: int) -> None:
        """Goes on until stopped, and until `ms` are over at the most; what is 0 does not move."""
        inside = f"<Velocity>{_vector(pan, tilt, zoom)}</Velocity><Timeout>PT{ms / 1000:g}S</Timeout>"
        await self._call("ContinuousMove", inside)

    async def stop(self) -> None:
        await self._call("Stop", "<PanTilt>true</PanTilt><Zoom>true</Zoom>")

    async def step(self, pan: int, tilt: int, zoom: int) -> None:
        """By a part of the whole way in each direction."""
        await self._call("RelativeMove", f"<Translation>{_vector(pan, tilt, zoom)}</Translation>")

    async def home(self) -> None:
        await self._call("GotoHomePosition")

    async def presets(self) -> tuple[Preset, ...]:
        """Positions it keeps, PRESETS_MAX at most."""
        rows = list(all_of(await self._call("GetPresets"), "Preset"))
        found = [Preset(row.get("token", ""), text(row, "Name")) for row in rows]
        return tuple(one for one in found if 0 < len(one.token) <= _TOKEN_MAX)[:PRESETS_MAX]

    async def go(self, preset: str) -> None:
        await self._call("GotoPreset", f"<PresetToken>{escape(preset)}</PresetToken>")

    async def keep(self, name: str, preset: str = "") -> None:
        """Keeps where it looks now, as a new preset or in place of `preset`."""
        token = f"<PresetToken>{escape(preset)}</PresetToken>" if preset else ""
        await self._call("SetPreset", f"<PresetName>{escape(name)}</PresetName>{token}")

    async def remove(self, preset: str) -> None:
        await self._call("RemovePreset", f"<PresetToken>{escape(preset)}</PresetToken>")

    async def _call(self, action: str, inside: str = "", *, profile: bool = True) -> Element:
        if profile:
            token = self._profile or await self._find_profile()
            inside = f"<ProfileToken>{escape(token)}</ProfileToken>{inside}"
        return await self._device.call(PTZ, f'<{action} xmlns="{PTZ}">{inside}</{action}>', action)

    async def _find_profile(self) -> str:
        """The first profile that has a PTZ configuration: only by such a one a camera is steered."""
        device = self._device
        media = MEDIA2 if device.offers(MEDIA2) else MEDIA
        inside = "<Type>PTZ</Type>" if media == MEDIA2 else ""
        answer = await device.call(
            media, f'<GetProfiles xmlns="{media}">{inside}</GetProfiles>', "GetProfiles"
        )
        for item in all_of(answer, "Profiles"):
            token = item.get("token", "")
            config = first(item, "PTZConfiguration")
            if config is None:
                config = first(item, "Configurations", "PTZ")
            if config is not None and 0 < len(token) <= _TOKEN_MAX:
                self._profile = token
                return token
        raise OnvifFailed("unsupported", "no profile of the camera can be steered")


def _vector(pan: int, tilt: int, zoom: int) -> str:
    """A part that does not move is left out: a camera without it refuses the whole."""
    both = f'<PanTilt xmlns="{SCHEMA}" x="{pan / FULL:g}" y="{tilt / FULL:g}"/>' if pan or tilt else ""
    return both + (f'<Zoom xmlns="{SCHEMA}" x="{zoom / FULL:g}"/>' if zoom else "")
