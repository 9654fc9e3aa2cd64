"""When passwords of cameras are changed by themselves. Every function runs inside the tenant's scope."""

from __future__ import annotations

import calendar
import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tenants.models import Site
from vsaas.audit.services import Who, record_act, system, what
from vsaas.cameras import acts
from vsaas.cameras.errors import InvalidPasswordChange, PasswordUnderWay
from vsaas.cameras.models import Camera, CameraPassword, PasswordChange, PasswordSchedule
from vsaas.cameras.passwords import CAMERAS_MOST, begin, changeable, under_way
from vsaas.common import clock

logger = logging.getLogger(__name__)

MONTHS_MAX = 60
AGAIN_H = 20
"""What failed is tried again the next night, not in the next minutes."""
BY_SCHEDULE = system(gettext_noop("schedule of passwords"))


@dataclass(frozen=True)
class Wish:
    """A schedule somebody wants: of a site, else of a group, else of all cameras."""

    months: int
    hour: int
    site: Site | None = None
    group: str = ""


def set_schedule(wish: Wish, by: Who) -> PasswordSchedule:
    """Makes or changes the schedule of a place. Raises InvalidPasswordChange. The caller has checked `camera:edit` there."""
    if not 1 <= wish.months <= MONTHS_MAX:
        raise InvalidPasswordChange("months", _("must be 1 to %(most)s") % {"most": MONTHS_MAX})
    if not 0 <= wish.hour <= 23:
        raise InvalidPasswordChange("hour", _("must be 0 to 23"))
    if wish.site is not None and wish.group:
        raise InvalidPasswordChange("group", _("choose a site or a group, not both"))
    schedule, _made = PasswordSchedule.objects.update_or_create(
        site=wish.site,
        group=wish.group,
        defaults={"months": wish.months, "hour": wish.hour},
        create_defaults={"months": wish.months, "hour": wish.hour, "begun_at": clock.now()},
    )
    record_act(
        acts.PASSWORD_SCHEDULED, by, what(schedule), months=wish.months, hour=wish.hour, about=str(schedule)
    )
    return schedule


def end_schedule(schedule: PasswordSchedule, by: Who) -> None:
    """Nothing is changed by itself there any more. The caller has checked `camera:edit` there."""
    record_act(acts.PASSWORD_UNSCHEDULED, by, what(schedule), about=str(schedule))
    schedule.delete()


def cameras_of(schedule: PasswordSchedule) -> QuerySet[Camera]:
    """The cameras a schedule speaks of."""
    rows = changeable(Camera.objects.all())
    if schedule.site_id is not None:
        rows = rows.filter(site_id=schedule.site_id)
    return rows.filter(groups__name=schedule.group) if schedule.group else rows


def months_later(at: dt.datetime, months: int) -> dt.datetime:
    """The same day so many months on, or the last of a month that is shorter."""
    month = at.month - 1 + months
    year, month = at.year + month // 12, month % 12 + 1
    day = min(at.day, calendar.monthrange(year, month)[1])
    return at.replace(year=year, month=month, day=day)


def next_changes(cameras: Sequence[Camera]) -> dict[UUID, dt.datetime]:
    """When the password of each is due, of those that a schedule speaks of; in the past: the next time its hour comes."""
    schedules = list(PasswordSchedule.objects.all())
    if not schedules:
        return {}
    ids = [camera.id for camera in cameras]
    set_at = dict(CameraPassword.objects.filter(camera_id__in=ids).values_list("camera_id", "changed_at"))
    due: dict[UUID, dt.datetime] = {}
    for schedule in schedules:
        covered = set(cameras_of(schedule).filter(id__in=ids).values_list("id", flat=True))
        for camera_id in covered:
            at = months_later(set_at.get(camera_id) or schedule.begun_at, schedule.months)
            due[camera_id] = min(at, due.get(camera_id, at))
    return due


def begin_due() -> None:
    """Begins the runs whose hour it is, one per schedule. Safe to run twice: what is under way or was tried within AGAIN_H is left."""
    now = clock.now()
    for schedule in PasswordSchedule.objects.select_related("site"):
        chosen = [
            camera
            for camera in cameras_of(schedule)
            if now.astimezone(ZoneInfo(camera.site.timezone)).hour == schedule.hour
        ]
        ids = [camera.id for camera in chosen]
        set_at = dict(CameraPassword.objects.filter(camera_id__in=ids).values_list("camera_id", "changed_at"))
        tried = PasswordChange.objects.filter(
            camera_id__in=ids, run__started_at__gt=now - dt.timedelta(hours=AGAIN_H)
        )
        left = under_way(ids) | set(tried.values_list("camera_id", flat=True))
        due = [
            camera
            for camera in chosen
            if camera.id not in left
            and months_later(set_at.get(camera.id) or schedule.begun_at, schedule.months) <= now
        ]
        if not due:
            continue
        try:
            # What is left over has its turn while the hour lasts: what is under way is not due.
            with transaction.atomic():
                begin(due[:CAMERAS_MOST], str(schedule), BY_SCHEDULE)
        except (InvalidPasswordChange, PasswordUnderWay) as why:
            logger.warning("the schedule of passwords %s is not begun: %s", schedule.id, why)
