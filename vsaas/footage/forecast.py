"""How storage goes on from here: pure arithmetic, no database and no clock."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Growth:
    """One camera: what is kept of it now, what it adds a day, and for how many days that is kept."""

    size_bytes: int
    bytes_per_day: int
    retention_days: int

    @property
    def level_bytes(self) -> int:
        """Where it levels off; what is more than that now goes by its age."""
        return self.bytes_per_day * self.retention_days


@dataclass(frozen=True)
class Forecast:
    """`levels_off_bytes`: what will be kept once every camera's retention has passed, were there no quota.

    `full_in_days`: when the quota is reached at the present rate; None when it never is, or there is none.
    `kept_days`: how far back recordings will reach once the quota decides instead of the retention; None when it does
    not.
    """

    bytes_per_day: int
    levels_off_bytes: int
    full_in_days: float | None
    kept_days: float | None


def forecast(cameras: Sequence[Growth], quota_bytes: int | None) -> Forecast:
    """Where these cameras lead, at their present rates."""
    rate = sum(camera.bytes_per_day for camera in cameras)
    levels_off = sum(camera.level_bytes for camera in cameras)
    full_in = None if quota_bytes is None else _full_in_days(cameras, quota_bytes)
    ruled_by_quota = quota_bytes is not None and levels_off > quota_bytes and rate > 0
    kept_days = quota_bytes / rate if ruled_by_quota and quota_bytes is not None else None
    return Forecast(rate, levels_off, full_in, kept_days)


def _full_in_days(cameras: Sequence[Growth], quota_bytes: int) -> float | None:
    """Each camera grows by its rate until it levels off, so the sum grows in straight pieces: the piece that crosses the
    quota is looked for."""
    size = sum(camera.size_bytes for camera in cameras)
    if size >= quota_bytes:
        return 0.0
    growing = [
        camera for camera in cameras if camera.bytes_per_day and camera.size_bytes < camera.level_bytes
    ]
    ends = sorted(
        ((camera.level_bytes - camera.size_bytes) / camera.bytes_per_day, camera.bytes_per_day)
        for camera in growing
    )
    rate, day, total = sum(camera.bytes_per_day for camera in growing), 0.0, float(size)
    for end, camera_rate in ends:
        reached = total + rate * (end - day)
        if reached >= quota_bytes:
            return day + (quota_bytes - total) / rate
        rate, day, total = rate - camera_rate, end, reached
    return None
