"""Hours of roles, and the organisation's settings, in the REST API."""

from __future__ import annotations

from typing import Any, Literal

from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel, Field
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.declare import Requires
from tenants.hours import (
    BACK_H_MOST,
    DAYS,
    HOLIDAYS_MOST,
    Hours,
    HoursRefused,
    hours_from_json,
    hours_to_json,
)
from tenants.models import Tenant
from tenants.permissions import PEOPLE_VIEW, ROLE_EDIT, TENANT_EDIT
from vsaas.accounts import hours as service
from vsaas.accounts.hours_effects import HoursEffect, in_words
from vsaas.accounts.hours_words import sentences
from vsaas.accounts.people import OwnRole
from vsaas.approvals.errors import AwaitsSecondPerson
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.errors import InvalidField
from vsaas.common.shapes import Id

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Window(BaseModel):
    """From one local time to another, on each of the days; an end not after the beginning is on the day after."""

    days: list[Day]
    begin: str = Field(alias="from", description="08:00")
    end: str = Field(alias="to", description="18:00; 24:00 is midnight at the day's end.")


class HoursReply(BaseModel):
    """The hours of a role. Windows are of the organisation's zone; null: always, an empty list: never."""

    sign_in: list[Window] | None = Field(description="Outside these the role gives nothing at all.")
    live: list[Window] | None
    playback: list[Window] | None
    playback_back_h: int | None = Field(description="Only what was recorded at most so many hours ago.")
    hidden: list[Window] = Field(description="Recorded time of which nothing is shown or told.")
    holidays: Literal["usual", "sunday", "closed"] = Field(description="What a holiday counts as.")
    version: int = Field(description="Of the role's rules; 0 while none were ever set.")
    sentences: list[str] = Field(description="The same in words.")


class NowReply(BaseModel):
    """Whether it is open at the moment."""

    before: bool
    after: bool


class AmountReply(BaseModel):
    """Hours; null: without a limit."""

    before: float | None
    after: float | None


class HoursEffectReply(BaseModel):
    """What would be different for some people alike."""

    what: Literal["sign_in", "live", "playback", "back", "shown"]
    people: list[str] = Field(description="Names of the people.")
    places: list[str] = Field(description="Where, when it is not the same at all their places.")
    now: NowReply | None
    hours: AmountReply = Field(
        description="Open within the next seven days; of `back` how far playback reaches back; of `shown` those of the last "
        "seven days whose recordings are not hidden."
    )
    sentence: str


class HoursEffectsReply(BaseModel):
    """What a change of hours would alter. Nothing was changed."""

    effects: list[HoursEffectReply]


class Holiday(BaseModel):
    """One day."""

    date: str = Field(description="2026-12-25")
    name: str


class OrganisationReply(BaseModel):
    """The organisation's settings."""

    id: Id
    slug: str
    name: str
    timezone: str = Field(description="In which the hours of roles are meant; an IANA name.")
    holidays: list[Holiday]


_OFFICE = {"days": list(DAYS[:5]), "from": "08:00", "to": "18:00"}
_NIGHT = {"days": list(DAYS), "from": "18:00", "to": "07:00"}
HOURS_ASKED: dict[str, Any] = {
    "sign_in": None,
    "live": [_OFFICE],
    "playback": None,
    "playback_back_h": 48,
    "hidden": [_NIGHT],
    "holidays": "sunday",
}
HOURS: dict[str, Any] = HOURS_ASKED | {
    "version": 1,
    "sentences": [
        "Signing in: always.",
        "Live view: Monday to Friday 08:00–18:00.",
        "Playback: always.",
        "Playback reaches back at most 2 days.",
        "Recordings that are hidden: every day 18:00–07:00 on the day after.",
        "Holidays count as Sundays.",
    ],
}
HOURS_EFFECTS: dict[str, Any] = {
    "effects": [
        {
            "what": "sign_in",
            "people": ["Ben"],
            "places": [],
            "now": {"before": True, "after": False},
            "hours": {"before": 168, "after": 50},
            "sentence": "Ben can sign in now and could not after this (hours open within seven days: 168, then 50)",
        }
    ]
}
ORGANISATION: dict[str, Any] = {
    "id": "019ac0ef-91d2-7a05-b3c4-5d6e7f8091a2",
    "slug": "acme",
    "name": "Acme",
    "timezone": "Europe/Berlin",
    "holidays": [{"date": "2026-12-25", "name": "Christmas Day"}],
}


class HoursFields(BaseModel):
    """A role's hours, whole: what is absent is as if there were no such rule."""

    sign_in: list[Window] | None = None
    live: list[Window] | None = None
    playback: list[Window] | None = None
    playback_back_h: int | None = Field(default=None, ge=1, le=BACK_H_MOST)
    hidden: list[Window] = Field(default=[])
    holidays: Literal["usual", "sunday", "closed"] = "usual"
    version: int | None = Field(
        default=None, ge=0, description="Only if the role's rules are still that one."
    )


class OrganisationFields(BaseModel):
    """Changes of the settings: what is absent stays; `holidays` replaces the whole list."""

    name: str | None = Field(default=None, max_length=service.NAME_CHARS_MAX)
    timezone: str | None = Field(default=None, max_length=64)
    holidays: list[Holiday] | None = Field(default=None, max_length=HOLIDAYS_MOST)


class RoleHoursView(ApiView):
    """GET: when a role holds. PUT: sets it."""

    access = Requires(PEOPLE_VIEW, ROLE_EDIT, fresh=True)
    tag = "Roles"

    @describe("Get the hours of a role", reply=HoursReply, example=HOURS)
    def get(self, request: Request, role_key: str) -> Response:
        """When the role holds, when it opens live view and playback, how far back and which recorded time it shows."""
        return Response(_hours_json(service.role_hours(self.actor, role_key)))

    @describe(
        "Set the hours of a role",
        request=HoursFields,
        request_example=HOURS_ASKED,
        reply=HoursReply,
        example=HOURS,
        problems=(service.LocksOut, service.StaleHours, OwnRole, AwaitsSecondPerson),
    )
    def put(self, request: Request, role_key: str) -> Response:
        """They hold at once: live views outside them end within seconds. Not of a role you are under yourself, but for
        owners; and never so that no owner could sign in any more."""
        wanted, version = _wanted(request)
        found = service.set_role_hours(request._request, self.actor, role_key, wanted, version=version)
        return Response(_hours_json(found))


class RoleHoursPreview(ApiView):
    """POST: what other hours of a role would alter."""

    access = Requires(ROLE_EDIT)
    tag = "Roles"

    @describe(
        "Try the hours of a role",
        request=HoursFields,
        request_example=HOURS_ASKED,
        reply=HoursEffectsReply,
        example=HOURS_EFFECTS,
        problems=(service.LocksOut, service.StaleHours, OwnRole),
    )
    def post(self, request: Request, role_key: str) -> Response:
        """Who could sign in or watch now and could not after, how many hours of the next seven days are open, and how far back
        playback reaches. Refused as the change itself would be. Nothing is changed."""
        wanted, version = _wanted(request)
        found = service.preview_role_hours(self.actor, role_key, wanted, version=version)
        return Response({"effects": [_effect_json(one) for one in found]})


class OrganisationView(ApiView):
    """GET: the organisation's settings. PATCH: changes them."""

    access = Requires(TENANT_EDIT)
    tag = "Organisation"

    @describe("Get the organisation's settings", reply=OrganisationReply, example=ORGANISATION)
    def get(self, request: Request) -> Response:
        """Name, zone and holidays. Takes the right for every site."""
        return Response(_organisation_json(service.organisation(self.actor)))

    @describe(
        "Change the organisation's settings",
        request=OrganisationFields,
        request_example={"timezone": "Europe/Berlin"},
        reply=OrganisationReply,
        example=ORGANISATION,
        problems=(service.LocksOut, AwaitsSecondPerson),
    )
    def patch(self, request: Request) -> Response:
        """What is absent stays. Zone and holidays move the hours of all roles. Takes the right for every site."""
        document = _object(request.data)
        for name, value in document.items():
            if name not in OrganisationFields.model_fields:
                raise InvalidField(name[:40], _("is not known here"))
            if name != "holidays" and not isinstance(value, str):
                raise InvalidField(name, _("must be text"))
        tenant = service.set_organisation(request._request, self.actor, **document)
        return Response(_organisation_json(tenant))


def _wanted(request: Request) -> tuple[Hours, int | None]:
    """The hours of the body, and the version they were based on."""
    document = _object(request.data)
    version = document.pop("version", None)
    if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
        raise InvalidField("version", _("must be a whole number"))
    try:
        return hours_from_json(document), version
    except HoursRefused as refused:
        raise InvalidField(refused.field, refused.message) from refused


def _effect_json(one: HoursEffect) -> dict[str, Any]:
    figures = one.figures
    return {
        "what": one.what,
        "people": list(one.people),
        "places": list(one.places),
        "now": None
        if figures.now_before is None
        else {"before": figures.now_before, "after": figures.now_after},
        "hours": {"before": figures.before_h, "after": figures.after_h},
        "sentence": in_words(one),
    }


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise InvalidField("body", _("is not a JSON object"))
    return dict(data)


def _hours_json(found: service.RoleHours) -> dict[str, Any]:
    return {
        **hours_to_json(found.hours),
        "version": found.version,
        "sentences": sentences(found.hours),
    }


def _organisation_json(tenant: Tenant) -> dict[str, Any]:
    return {
        "id": str(tenant.id),
        "slug": tenant.slug,
        "name": tenant.name,
        "timezone": tenant.timezone,
        "holidays": tenant.holidays,
    }
