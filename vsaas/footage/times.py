"""UTC microseconds, and the days and hours they fall into."""

import datetime

US = 1_000_000
HOUR_US = 3_600 * US
DAY_US = 24 * HOUR_US
LONGEST_SEGMENT_US = 15 * 60 * US
"""A segment that claims to be longer is unplaced (SPEC 4), so look-ups need go no further back."""

EPOCH = datetime.date(1970, 1, 1)


def day_of(us: int) -> datetime.date:
    """The UTC day an instant lies in."""
    return EPOCH + datetime.timedelta(days=us // DAY_US)


def day_start_us(us: int) -> int:
    """The first instant of the UTC day `us` lies in."""
    return us - us % DAY_US


def hour_start_us(us: int) -> int:
    """The first instant of the UTC hour `us` lies in; object names and key periods use it."""
    return us - us % HOUR_US


def iso(us: int) -> str:
    """For people and messages: UTC with a Z, to the second."""
    moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(microseconds=us)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def from_iso(text: str) -> int:
    """UTC microseconds of an ISO 8601 instant with its zone. Raises ValueError."""
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone: end it in Z or an offset")
    delta = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (delta.days * 86_400 + delta.seconds) * US + delta.microseconds


def hour_us_of(text: str) -> int:
    """The first instant of the hour `YYYYMMDDHH` (UTC) of an object name."""
    moment = datetime.datetime.strptime(text, "%Y%m%d%H").replace(tzinfo=datetime.UTC)
    return (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(microseconds=1)
