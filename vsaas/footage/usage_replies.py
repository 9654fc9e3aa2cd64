"""What the API tells of storage: what is used, and the policy of what is kept."""

from typing import Any

from pydantic import BaseModel, Field

from vsaas.cameras.replies import CAMERA
from vsaas.common.shapes import Id, Micros


class DayUsage(BaseModel):
    """What is kept of one UTC day of recording."""

    day: str = Field(json_schema_extra={"format": "date"})
    bytes: int


class CameraUsageReply(BaseModel):
    """What is kept of one camera."""

    id: Id
    name: str
    site: str = Field(description="Name of its site.")
    site_id: Id
    deleted: bool
    bytes: int
    main_bytes: int
    sub_bytes: int
    bytes_per_day: int | None = Field(description="null: recorded for less than an hour.")
    from_us: Micros | None
    to_us: Micros | None
    retention_days: int
    own_retention: bool = Field(description="false: the organisation's.")


class ForecastReply(BaseModel):
    """Where it leads at the present rate."""

    levels_off_bytes: int = Field(description="What will be kept once as much goes as comes.")
    full_in_days: float | None = Field(description="Days until the quota is reached; null: it is not.")
    kept_days: float | None = Field(description="How many days fit into the quota; null: all of them.")


class UsageMay(BaseModel):
    """What the caller may do with the policy."""

    edit: bool


class UsageReply(BaseModel):
    """How much is stored."""

    now_us: Micros
    total_bytes: int
    bytes_per_day: int
    rate_days: int = Field(description="Over how many days the rate is taken.")
    retention_days: int
    quota_bytes: int | None = Field(description="null: none, or you do not see every camera.")
    forecast: ForecastReply | None = Field(description="null: you do not see every camera.")
    days: list[DayUsage] = Field(description="Oldest first, up to today.")
    cameras: list[CameraUsageReply] = Field(description="Largest first.")
    may: UsageMay


class PolicyReply(BaseModel):
    """How long and how much is kept."""

    retention_days: int
    quota_bytes: int | None = Field(description="null: no quota.")


USAGE: dict[str, Any] = {
    "now_us": 1764064990000000,
    "total_bytes": 734003200,
    "bytes_per_day": 43000000000,
    "rate_days": 7,
    "retention_days": 30,
    "quota_bytes": 2000000000000,
    "forecast": {"levels_off_bytes": 1290000000000, "full_in_days": None, "kept_days": None},
    "days": [{"day": "2025-11-24", "bytes": 0}, {"day": "2025-11-25", "bytes": 734003200}],
    "cameras": [
        {
            "id": CAMERA["id"],
            "name": CAMERA["name"],
            "site": CAMERA["site"],
            "site_id": CAMERA["site_id"],
            "deleted": False,
            "bytes": 734003200,
            "main_bytes": 660602880,
            "sub_bytes": 73400320,
            "bytes_per_day": 43000000000,
            "from_us": 1764061200000000,
            "to_us": 1764064800000000,
            "retention_days": 30,
            "own_retention": False,
        }
    ],
    "may": {"edit": True},
}
POLICY: dict[str, Any] = {"retention_days": 30, "quota_bytes": 2000000000000}
