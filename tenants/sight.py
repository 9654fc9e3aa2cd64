"""Which recorded time of an object somebody may see: what all their grants that cover it permit, at the moment they ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from tenants import hours
from tenants.access import Actor, moment_of, place_of
from tenants.hours import Calendar, Hours, Span
from tenants.permissions import CAMERA_AUDIO, CAMERA_CLIP, CAMERA_PLAYBACK, FOOTAGE_EXPORT, Permission

PLAYED = frozenset({CAMERA_PLAYBACK, CAMERA_CLIP, CAMERA_AUDIO, FOOTAGE_EXPORT})
"""Rights to recorded pictures and sound, which hold in the hours of playback."""

HOUR_US = 3_600_000_000
DIFFER_US = 120 * hours.US
"""A record that reached the portal later than this after its footage ended, or before it began, has two times that
differ: the one the agent states, and the one at which it came. Sooner is the ordinary way of a segment."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Of recorded time, what may be seen at `at_us`.

    `rights`: for each right that is needed, the hours of the grants that give it, of which one must permit; None where a
    grant gives it without any. `whole_hours`: of each hour (UTC) all or nothing, the present one included: where the
    customer holds the keys, there is one key to an hour, and it opens what is still to come of it.
    """

    rights: tuple[tuple[Hours, ...] | None, ...]
    at_us: int
    calendar: Calendar | None
    whole_hours: bool = False

    @property
    def limited(self) -> bool:
        """Whether anything is withheld at all."""
        return any(right is not None for right in self.rights)

    def until_us(self, most_us: int) -> int:
        """Up to when what is seen now may be left open, at most `most_us`: no window that opens it closes before."""
        ends = [most_us]
        for right in self.rights:
            ends += [
                end for one in right or () if (end := self._closes_us(one)) is not None and end > self.at_us
            ]
        return min(ends)

    def spans(self, from_us: int, to_us: int, until_us: int | None = None) -> list[Span]:
        """The parts of [from_us, to_us) that may be seen now and up to `until_us`."""
        if not self.whole_hours or not self.limited:
            return self._seen(from_us, to_us, until_us)
        wide_from_us, wide_to_us = from_us - from_us % HOUR_US, to_us + -to_us % HOUR_US
        seen = self._seen(wide_from_us, wide_to_us, until_us)
        whole = [
            (start, start + HOUR_US)
            for start in range(wide_from_us, wide_to_us, HOUR_US)
            if hours.inside(seen, start, start + HOUR_US)
        ]
        return hours.intersect([(from_us, to_us)] if from_us < to_us else [], hours.union(whole))

    def _seen(self, from_us: int, to_us: int, until_us: int | None) -> list[Span]:
        seen: list[Span] = [(from_us, to_us)] if from_us < to_us else []
        for right in self.rights:
            if right is not None:
                given = [self._spans_of(one, from_us, to_us, until_us or self.at_us) for one in right]
                seen = hours.intersect(seen, hours.union(*given))
        return seen

    def permits(self, start_us: int, end_us: int, received_us: int, until_us: int | None = None) -> bool:
        """Whether footage may be seen, now and up to `until_us`: it lies wholly inside what may be, by the time the agent
        states and, where the two differ, by the time it came."""
        if not self.limited:
            return True
        end_us = max(end_us, start_us + 1)
        if not hours.inside(self.spans(start_us, end_us, until_us), start_us, end_us):
            return False
        if start_us <= received_us <= end_us + DIFFER_US:
            return True
        return bool(self.spans(received_us, received_us + 1, until_us))

    def _spans_of(self, one: Hours, from_us: int, to_us: int, until_us: int) -> list[Span]:
        closes_us = self._closes_us(one)
        if closes_us is not None and closes_us < until_us:
            return []
        lasting_us = until_us - self.at_us
        return hours.permitted(one, from_us, to_us, self.at_us, self._calendar(), lasting_us=lasting_us)

    def _closes_us(self, one: Hours) -> int | None:
        return _closes_us(one, self.at_us, self._calendar())

    def _calendar(self) -> Calendar:
        assert self.calendar is not None  # `sight` gives one wherever hours limit anything
        return self.calendar


@lru_cache(maxsize=256)
def _closes_us(one: Hours, at_us: int, calendar: Calendar) -> int | None:
    """When the first of the windows that must be open closes; `at_us` when one is closed already."""
    several = (one.sign_in, one.playback)
    ends = [hours.ends_at(windows, one.holidays, at_us, calendar) for windows in several]
    return min((end for end in ends if end is not None), default=None)


def sight(actor: Actor, obj: Any, permission: Permission, *more: Permission) -> Sight:
    """What of an object's recorded time the actor may see for whom all these permissions are needed; nothing where one is not
    held. A right other than those of playback (`PLAYED`) does not wait for the hours of playback: what it tells of is
    limited by how far back and by hidden hours alone."""
    place = place_of(obj, with_groups=actor.asks_groups)
    rights = tuple(_hours(actor, one, place) for one in (permission, *more))
    if not any(rights):
        return Sight(rights, 0, None)  # all or nothing: no hours are asked
    return Sight(rights, *moment_of(actor))


def _hours(actor: Actor, permission: Permission, place: Any) -> tuple[Hours, ...] | None:
    if not actor.allows(permission, place):
        return ()
    covering = [one.role.hours for one in actor.giving(permission) if one.covers(place)]
    if any(one is None or one.unlimited for one in covering):
        return None
    timed: Sequence[Hours] = [one for one in covering if one is not None]
    if permission not in PLAYED:
        timed = [replace(one, playback=None) for one in timed]
    return tuple(dict.fromkeys(timed))
