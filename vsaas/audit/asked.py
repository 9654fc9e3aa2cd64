"""What is asked of the audit log, from a page's form or a program's query."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections import Counter
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from tenants.models import Site
from vsaas.audit import acts, feed
from vsaas.audit.cameras import LogCamera, cameras_of_log
from vsaas.audit.feed import Filters
from vsaas.audit.models import Event
from vsaas.common import clock
from vsaas.common.errors import InvalidFields

CHARS_MAX = 200
SORTS = {
    "session": _("Signing in and out"),
    "account": _("Accounts"),
    "people": _("People"),
    "recovery": _("Recovery codes"),
    "setup": _("Set-up"),
    "tenant": _("Organisation"),
    "site": _("Sites"),
    "camera": _("Cameras"),
    "agent": _("Agents"),
    "footage": _("Recordings"),
    "live": _("Live view"),
    "keys": _("Keys"),
    "access": _("Refusals"),
    "approval": _("Approvals"),
    "break-glass": _("Break glass"),
    "alarms": _("Alarms"),
    "mail": _("Mail"),
    "passkey": _("Passkeys"),
    "browser": _("Browsers that are remembered"),
    "role": _("Roles"),
    "token": _("Access tokens"),
    "view": _("Views of the wall"),
    "audit": _("Audit log"),
}


def zones() -> list[str]:
    """The time zones of the tenant's sites, the most common first, and UTC."""
    counted = Counter(Site.objects.values_list("timezone", flat=True))
    return list(dict.fromkeys([*(zone for zone, _count in counted.most_common()), "UTC"]))


def act_choices() -> list[tuple[str, Any]]:
    """Acts by what they are about, each as the outline of its sentence; the first of a kind means all of it."""
    kinds: dict[str, list[tuple[str, str]]] = {}
    for one in acts.all_acts():
        kinds.setdefault(one.name.split(".")[0], []).append((one.name, acts.outline(one)))
    groups = []
    for kind, choices in kinds.items():
        title = SORTS.get(kind, kind.capitalize())
        groups.append((title, [(f"{kind}.", _("All of: %(kind)s") % {"kind": title}), *choices]))
    watching = (feed.WATCHING, _("Watching: live, recordings, clips, keys"))
    return [("", _("Everything")), watching, *sorted(groups, key=lambda group: str(group[0]))]


def camera_choices() -> list[tuple[str, Any]]:
    """Cameras by name, with their sites; deleted ones last."""
    found = cameras_of_log()
    return [("", _("Any camera")), *((str(one.id), _camera_title(one)) for one in found)]


def _camera_title(one: LogCamera) -> str:
    title = f"{one.name} · {one.site}"
    return _("%(camera)s (deleted)") % {"camera": title} if one.deleted else title


class FilterForm(forms.Form):
    """The filters of the page. Times are meant in `zone`."""

    person = forms.CharField(label=_("Who"), required=False, max_length=CHARS_MAX)
    object = forms.CharField(label=_("On what"), required=False, max_length=CHARS_MAX)
    camera = forms.ChoiceField(label=_("Camera"), required=False, choices=camera_choices)
    act = forms.ChoiceField(label=_("What"), required=False, choices=act_choices)
    text = forms.CharField(label=_("Words"), required=False, max_length=CHARS_MAX)
    outcome = forms.ChoiceField(
        label=_("Outcome"),
        required=False,
        choices=[("", _("Done and refused")), ("done", _("Done")), ("refused", _("Refused"))],
    )
    zone = forms.ChoiceField(label=_("Times in"), required=False)

    def __init__(self, *args: Any, zone_names: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone_names = zone_names
        self.fields["zone"].choices = [(name, name) for name in zone_names]  # type: ignore[attr-defined]
        for name, label in (("from", _("From")), ("to", _("Before"))):
            widget = forms.DateTimeInput({"type": "datetime-local", "step": 60}, format="%Y-%m-%dT%H:%M")
            self.fields[name] = forms.DateTimeField(label=label, required=False, widget=widget)

    @property
    def in_zone(self) -> zoneinfo.ZoneInfo:
        """The zone times are shown and meant in."""
        chosen = getattr(self, "cleaned_data", {}).get("zone") or self.zone_names[0]
        return zoneinfo.ZoneInfo(chosen)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for name in ("from", "to"):
            if data.get(name) is not None:
                data[name] = placed(data[name], self.in_zone)
        if data.get("from") and data.get("to") and data["from"] >= data["to"]:
            self.add_error("to", _("This is not after the beginning."))
        return data

    @property
    def filters(self) -> Filters:
        """Of a valid form."""
        data = self.cleaned_data
        names = ("person", "act", "object", "camera", "outcome", "text")
        return Filters(**{name: data[name] for name in names}, since=data["from"], until=data["to"])


def placed(moment: dt.datetime, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    """A moment typed without a zone (Django took it for UTC) is one of `zone`."""
    return moment.replace(tzinfo=zone).astimezone(clock.UTC)


def filters_of_query(query: Any) -> Filters:
    """The filters of a program's query: `person`, `act`, `object`, `camera`, `outcome`, `text`, and `from`, `to` in ISO 8601 with
    an offset. Raises InvalidFields."""
    wrong: list[dict[str, str]] = []
    texts = {}
    for name in ("person", "act", "object", "camera", "outcome", "text"):
        texts[name] = query.get(name, "").strip()
        if len(texts[name]) > CHARS_MAX or "\x00" in texts[name]:
            wrong.append(
                {
                    "field": name,
                    "message": _("use %(most)d characters at most, and no NUL") % {"most": CHARS_MAX},
                }
            )
    if texts["outcome"] not in ("", *Event.Outcome.values):
        wrong.append({"field": "outcome", "message": str(_("it is done or refused"))})
    since, until = _instants(query, wrong)
    _refuse(wrong)
    return Filters(**texts, since=since, until=until)


def instants_of_query(query: Any) -> tuple[dt.datetime | None, dt.datetime | None]:
    """`from` and `to` of a program's query, in ISO 8601 with an offset. Raises InvalidFields."""
    wrong: list[dict[str, str]] = []
    found = _instants(query, wrong)
    _refuse(wrong)
    return found


def _instants(query: Any, wrong: list[dict[str, str]]) -> tuple[dt.datetime | None, dt.datetime | None]:
    times: dict[str, dt.datetime | None] = {"from": None, "to": None}
    for name in times:
        if query.get(name):
            try:
                times[name] = _instant(query[name])
            except (ValueError, OverflowError):
                message = str(_("write a time with its offset, such as 2026-11-23T14:00:00Z"))
                wrong.append({"field": name, "message": message})
    return times["from"], times["to"]


def _refuse(wrong: list[dict[str, str]]) -> None:
    if wrong:
        raise InvalidFields(
            "; ".join(f"{w['field']}: {w['message']}" for w in wrong), extra={"errors": wrong}
        )


def _instant(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return moment.astimezone(clock.UTC)
