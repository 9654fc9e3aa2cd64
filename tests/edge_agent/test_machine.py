"""What the agent reads of its box, in files as Linux lays them out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_agent.machine import Machine

MEMORY = "MemTotal:  1000 kB\nMemFree:  100 kB\nMemAvailable:  400 kB\n"
ROUTES = """Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
eth1\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
"""


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A root with two processors' worth of time spent, two places measured, and an eMMC under the state folder."""
    device = os.stat(tmp_path).st_dev
    disk = "sys/devices/mmcblk0"
    files = {
        "proc/stat": "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1 1 1\n",
        "proc/meminfo": MEMORY,
        "proc/net/route": ROUTES,
        "sys/class/thermal/thermal_zone0/temp": "48250\n",
        "sys/class/thermal/thermal_zone1/temp": "51900\n",
        "sys/class/net/eth0/operstate": "up\n",
        "sys/class/net/eth0/speed": "1000\n",
        f"{disk}/device/life_time": "0x02 0x03\n",
        f"{disk}/mmcblk0p2/partition": "2\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    link = tmp_path / f"sys/dev/block/{os.major(device)}:{os.minor(device)}"
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / disk / "mmcblk0p2")
    return tmp_path


def test_processor_memory_heat_wear_and_link(box: Path) -> None:
    machine = Machine(box, box)
    read = machine.read()
    assert read.cpu_percent == 20.0
    assert (read.memory_used_bytes, read.memory_total_bytes) == (600 * 1024, 1000 * 1024)
    assert (read.temperature_c, read.disk_wear_percent) == (51.9, 30)
    assert (read.link, read.link_up, read.link_mbit_per_s) == ("eth0", True, 1000)
    (box / "proc/stat").write_text("cpu  190 0 100 710 100 0 0 0 0 0\n")
    assert machine.read().cpu_percent == 90.0


def test_what_a_box_does_not_tell_is_left_out(tmp_path: Path) -> None:
    read = Machine(tmp_path, tmp_path).read()
    assert (read.temperature_c, read.disk_wear_percent, read.link, read.link_mbit_per_s) == (
        None,
        None,
        "",
        None,
    )
    assert (read.cpu_percent, read.memory_total_bytes) == (0.0, 0)
    assert read.disk_total_bytes > 0


def test_this_very_box_is_read(tmp_path: Path) -> None:
    read = Machine(tmp_path).read()
    assert read.memory_total_bytes > read.memory_used_bytes > 0
    assert 0 <= read.cpu_percent <= 100
