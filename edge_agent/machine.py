"""How the box itself is doing, as Linux tells it without privileges (/proc and /sys): processor, memory, disk, heat, link."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from protocol.health import BoxHealth

_WEAR_STEP_PERCENT: Final = 10
_WEAR_OVER: Final = 11
"""JESD84-B51: each step of DEVICE_LIFE_TIME_EST is a tenth; 11 says that the life expected is over."""


class Machine:
    """`read` from one thread at a time: processor time counts from the call before. `root` is / but in tests."""

    def __init__(self, state: Path, root: Path = Path("/")) -> None:
        self._state, self._proc, self._sys = state, root / "proc", root / "sys"
        self._busy, self._all = 0, 0

    def read(self) -> BoxHealth:
        """What is known now; None for what this box does not tell."""
        used, total = self._memory()
        link = self._default_interface()
        return BoxHealth(
            cpu_percent=self._cpu_percent(),
            memory_used_bytes=used,
            memory_total_bytes=total,
            disk_total_bytes=shutil.disk_usage(self._state).total,
            disk_wear_percent=self._wear_percent(),
            temperature_c=self._temperature_c(),
            link=link,
            link_up=_text(self._sys / "class/net" / link / "operstate") in ("up", "unknown")
            if link
            else False,
            link_mbit_per_s=_number(self._sys / "class/net" / link / "speed") if link else None,
        )

    def _cpu_percent(self) -> float:
        """Of all processors together, since the last look; the first time since the box started."""
        fields = [int(word) for word in _text(self._proc / "stat").partition("\n")[0].split()[1:9]]
        if len(fields) < 5:
            return 0.0
        all_ticks, idle = sum(fields), fields[3] + fields[4]
        busy = all_ticks - idle
        passed, worked = all_ticks - self._all, busy - self._busy
        self._busy, self._all = busy, all_ticks
        return round(max(0.0, min(100.0, 100 * worked / passed)), 1) if passed > 0 else 0.0

    def _memory(self) -> tuple[int, int]:
        """Bytes in use that the system could not give to somebody else, and all there are."""
        rows = {
            name: int(value.split()[0]) * 1024
            for name, _, value in (line.partition(":") for line in _text(self._proc / "meminfo").splitlines())
            if value.split() and value.split()[0].isdecimal()
        }
        total = rows.get("MemTotal", 0)
        return max(0, total - rows.get("MemAvailable", total)), total

    def _temperature_c(self) -> float | None:
        """The hottest of what the kernel measures."""
        found = [_number(zone / "temp") for zone in (self._sys / "class/thermal").glob("thermal_zone*")]
        sane = [value / 1000 for value in found if value is not None and 0 < value < 150_000]
        return round(max(sane), 1) if sane else None

    def _wear_percent(self) -> int | None:
        """How much of its life the disk under the state folder has used, in steps of ten; only eMMC tells it here.

        SD cards tell nothing, and what SSDs tell (SMART) takes a privilege the agent does not have.
        """
        device = self._device_of_state()
        words = _text(device / "life_time").split() if device else []
        steps = [int(word, 16) for word in words if word.startswith("0x")]
        worst = max((step for step in steps if 0 < step <= _WEAR_OVER), default=0)
        return min(worst, 10) * _WEAR_STEP_PERCENT if worst else None

    def _device_of_state(self) -> Path | None:
        number = os.stat(self._state).st_dev
        block = self._sys / "dev/block" / f"{os.major(number)}:{os.minor(number)}"
        if not block.exists():
            return None
        block = block.resolve()
        # A partition lies in its disk's folder.
        disk = block.parent if (block / "partition").exists() else block
        return disk / "device"

    def _default_interface(self) -> str:
        """The interface of the route to everywhere; "" when there is none."""
        for line in _text(self._proc / "net/route").splitlines()[1:]:
            words = line.split()
            if len(words) > 7 and words[1] == "00000000" and words[7] == "00000000":
                return words[0]
        return ""


def _text(path: Path) -> str:
    """A file of /proc or /sys; "" where this kernel, or this device just now, has none to give."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isascii() and text.isdecimal() else None
