"""What people type about sites, cameras and agents. Nothing typed is lost by a mistake, except passwords."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from protocol.camera_source import check_url
from protocol.errors import ProtocolError
from tenants.models import Site
from vsaas.agents.models import Agent
from vsaas.cameras.addresses import join_credentials, split_credentials, with_scheme, wrong_in_words
from vsaas.cameras.kept import default_retention_days
from vsaas.cameras.models import RETENTION_DAYS_MAX, Camera
from vsaas.cameras.services import GROUPS_MAX
from vsaas.common.names import CHARS_MAX, BadName, clean_name

GROUPS_SHOWN = 20
_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class NameField(forms.CharField):
    """A name of any script."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput({"autocomplete": "off", "maxlength": CHARS_MAX, "dir": "auto"})
        super().__init__(widget=widget, label=_("Name"), **kwargs)

    def clean(self, value: Any) -> str:
        name = str(super().clean(value))
        try:
            return clean_name(name)
        except BadName as error:
            raise forms.ValidationError(str(error)) from error


class ZoneField(forms.ChoiceField):
    """A time zone, by region."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label=_("Time zone"), choices=zone_choices, **kwargs)


def zone_choices() -> list[Any]:
    """Every zone that names a place, by continent; UTC first."""
    names = sorted(name for name in zoneinfo.available_timezones() if "/" in name)
    groups = [
        (region, [(name, name.replace("_", " ")) for name in members])
        for region, members in groupby(names, key=lambda name: name.partition("/")[0])
        if region not in ("Etc", "SystemV", "US", "Brazil", "Canada", "Chile", "Mexico")
    ]
    return [("UTC", "UTC"), *groups]


class SiteForm(forms.Form):
    """A site's name and time zone."""

    name = NameField()
    timezone = ZoneField(help_text=_("Times of this site's cameras are shown in it."))

    def __init__(self, *args: Any, site: Site | None = None, **kwargs: Any) -> None:
        if site is not None:
            kwargs["initial"] = {"name": site.name, "timezone": site.timezone}
        super().__init__(*args, **kwargs)
        if site is not None and site.timezone not in _flat(zone_choices()):
            zone: Any = self.fields["timezone"]
            zone.choices = [(site.timezone, site.timezone), *zone_choices()]


def _flat(choices: list[Any]) -> set[str]:
    return {
        value
        for key, rest in choices
        for value in ([key] if isinstance(rest, str) else [name for name, _label in rest])
    }


class SiteDeletionForm(forms.Form):
    """Where what is left of a site goes, when something is."""

    heir = forms.ModelChoiceField(queryset=None, label=_("File them under"), empty_label=None)

    def __init__(self, *args: Any, sites: QuerySet[Site], needed: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["heir"].queryset = sites  # type: ignore[attr-defined]
        if not needed:
            del self.fields["heir"]


class SourceForm(forms.Form):
    """Where a camera's pictures come from. `main_url` and `sub_url` of `cleaned_data` are whole URLs with credentials,
    None where nothing was typed.

    An address pasted with user and password in it is taken apart before it is shown again.
    """

    main_url = forms.CharField(
        label=_("Main stream"),
        max_length=1500,
        help_text=_(
            "The RTSP address of the full picture, such as rtsp://192.168.1.20/stream1. It is in the camera's manual."
        ),
        widget=forms.TextInput({**_PLAIN, "inputmode": "url", "dir": "ltr"}),
    )
    sub_url = forms.CharField(
        label=_("Sub stream"),
        max_length=1500,
        required=False,
        help_text=_("A smaller picture of the same camera, for grids and slow connections. May stay empty."),
        widget=forms.TextInput({**_PLAIN, "inputmode": "url", "dir": "ltr"}),
    )
    user = forms.CharField(
        label=_("Camera's user"),
        max_length=200,
        required=False,
        strip=False,
        widget=forms.TextInput(_PLAIN),
    )
    password = forms.CharField(
        label=_("Camera's password"),
        max_length=500,
        required=False,
        strip=False,
        help_text=_("Sealed to the agent at once: the portal cannot read it again."),
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(None if data is None else self._taken_apart(data), **kwargs)

    @staticmethod
    def _taken_apart(data: Any) -> Any:
        data = data.copy()
        for name in ("main_url", "sub_url"):
            address, user, password = split_credentials(data.get(name, ""))
            data[name] = with_scheme(address)
            if user and not data.get("user"):
                data["user"] = user
            if password and not data.get("password"):
                data["password"] = password
        return data

    def clean_main_url(self) -> str | None:
        return self._url("main_url")

    def clean_sub_url(self) -> str | None:
        return self._url("sub_url")

    def _url(self, name: str) -> str | None:
        address = self.cleaned_data[name]
        if not address:
            return None
        # The other fields are cleaned later: their raw values are what they will be.
        url = join_credentials(address, self.data.get("user", ""), self.data.get("password", ""))
        try:
            check_url(address)
            check_url(url)
        except ProtocolError as error:
            raise forms.ValidationError(_sentence(wrong_in_words(error))) from error
        return url


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


class RetentionField(forms.IntegerField):
    """Days; empty: the organisation's default."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label=_("Keep recordings for (days)"),
            required=False,
            min_value=1,
            max_value=RETENTION_DAYS_MAX,
            **kwargs,
        )


class GroupsField(forms.CharField):
    """Names of groups with commas between; cleans to a list of them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            label=_("Groups"),
            required=False,
            max_length=2000,
            widget=forms.TextInput({"autocomplete": "off", "dir": "auto"}),
            **kwargs,
        )

    def clean(self, value: Any) -> list[str]:  # type: ignore[override]
        text = str(super().clean(value))
        names = [name for name in re.split(r"[,،、，]", text) if name.strip()]
        if len(names) > GROUPS_MAX:
            raise forms.ValidationError(_("A camera is in at most %(most)d groups.") % {"most": GROUPS_MAX})
        try:
            return [clean_name(name) for name in names]
        except BadName as error:
            raise forms.ValidationError(str(error)) from error


def _explain_groups(form: forms.Form, in_use: Sequence[str]) -> None:
    hint = _("With commas between. Lists and the live view can be narrowed to a group.")
    if in_use:
        hint = format_lazy(
            "{} {}", hint, _("In use: %(names)s") % {"names": ", ".join(in_use[:GROUPS_SHOWN])}
        )
    form.fields["groups"].help_text = hint


def _audio_field() -> forms.BooleanField:
    return forms.BooleanField(
        label=_("Record sound"),
        required=False,
        help_text=_(
            "Whoever may hear it needs a right of its own. In many countries recording speech needs consent."
        ),
    )


class NewCameraForm(SourceForm):
    """A camera to add."""

    name = NameField()
    groups = GroupsField()
    agent = forms.ModelChoiceField(
        queryset=None,
        label=_("Agent"),
        empty_label=None,
        help_text=_("The box that will record it: it must reach the camera in its own network."),
    )
    audio = _audio_field()
    retention_days = RetentionField()
    field_order = [
        "agent",
        "name",
        "groups",
        "main_url",
        "sub_url",
        "user",
        "password",
        "audio",
        "retention_days",
    ]

    def __init__(
        self, data: Any = None, *, agents: QuerySet[Agent], groups: Sequence[str], **kwargs: Any
    ) -> None:
        super().__init__(data, **kwargs)
        self.fields["agent"].queryset = agents  # type: ignore[attr-defined]
        self.fields["agent"].label_from_instance = lambda agent: f"{agent.name} · {agent.site.name}"  # type: ignore[attr-defined]
        _explain_default(self)
        _explain_groups(self, groups)


class CameraForm(SourceForm):
    """Changes of a camera. Addresses left empty stay as they are."""

    name = NameField()
    groups = GroupsField()
    site = forms.ModelChoiceField(queryset=None, label=_("Site"), empty_label=None)
    audio = _audio_field()
    events = forms.BooleanField(
        label=_("Listen to the camera's own events"),
        required=False,
        help_text=_(
            "By ONVIF: motion, tampering, inputs, lines crossed, as far as the camera is set to notice them. They stand on the "
            "timeline. The agent signs in with the user and password of the camera's address."
        ),
    )
    retention_days = RetentionField()
    remove_sub = forms.BooleanField(label=_("Record the sub stream no longer"), required=False)
    version = forms.IntegerField(widget=forms.HiddenInput)
    confirm_shorter = forms.BooleanField(label=_("Delete what is older"), required=False)
    field_order = [
        "version",
        "name",
        "groups",
        "site",
        "audio",
        "events",
        "retention_days",
        "confirm_shorter",
        "main_url",
        "sub_url",
    ]

    def __init__(
        self, data: Any = None, *, camera: Camera, sites: QuerySet[Site], groups: Sequence[str], **kwargs: Any
    ) -> None:
        self.camera = camera
        kwargs["initial"] = {
            "name": camera.name,
            "site": camera.site_id,
            "audio": camera.audio,
            "events": camera.events,
            "retention_days": camera.retention_days,
            "version": camera.version,
            "groups": ", ".join(group.name for group in camera.groups.all()),
        }
        super().__init__(data, **kwargs)
        self.fields["site"].queryset = sites  # type: ignore[attr-defined]
        self.fields["main_url"].required = False
        self.fields["main_url"].help_text = _("Leave it empty to keep the address it has.")
        self.fields["sub_url"].help_text = _("Leave it empty to keep the address it has, or to have none.")
        self.asks_to_confirm = False
        _explain_default(self)
        _explain_groups(self, groups)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        typed = data.get("main_url") or data.get("sub_url") or {"main_url", "sub_url"} & set(self.errors)
        if (data.get("user") or data.get("password")) and not typed:
            self.add_error(
                "main_url",
                _(
                    "Type the address too. The one in use is sealed to the agent together with its password, "
                    "so one cannot be changed without the other."
                ),
            )
        if data.get("remove_sub") and data.get("sub_url"):
            self.add_error("sub_url", _("Either type an address, or tick that it is recorded no longer."))
        self._check_shorter(data)
        return data

    def _check_shorter(self, data: dict[str, Any]) -> None:
        """A shorter time deletes recordings within minutes: that is asked for in words."""
        if "retention_days" in self.errors:
            return
        default = default_retention_days()
        days = data.get("retention_days") or default
        if days >= (self.camera.retention_days or default):
            return
        self.asks_to_confirm = True
        if not data.get("confirm_shorter"):
            self.add_error(
                "confirm_shorter",
                ngettext(
                    "Recordings of this camera older than %(days)d day will be deleted within minutes, for good. "
                    "Tick this if that is what you want.",
                    "Recordings of this camera older than %(days)d days will be deleted within minutes, for good. "
                    "Tick this if that is what you want.",
                    days,
                )
                % {"days": days},
            )


def _explain_default(form: forms.Form) -> None:
    days = default_retention_days()
    form.fields["retention_days"].help_text = ngettext(
        "Empty: as long as everything else here, %(days)d day.",
        "Empty: as long as everything else here, %(days)d days.",
        days,
    ) % {"days": days}


class TypedNameForm(forms.Form):
    """Something that cannot be undone is asked for by typing the name of what it happens to."""

    name = forms.CharField(required=False, strip=True, widget=forms.TextInput({**_PLAIN, "dir": "auto"}))

    def __init__(self, *args: Any, expected: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = expected
        self.fields["name"].label = _("Type its name to confirm")

    def clean_name(self) -> str:
        typed: str = self.cleaned_data["name"]
        try:
            fits = clean_name(typed).split() == clean_name(self.expected).split()
        except BadName:
            fits = False
        if not fits:
            raise forms.ValidationError(_("This is not its name. Nothing was changed."))
        return typed


class CameraDeletionForm(TypedNameForm):
    """What becomes of a deleted camera's recordings."""

    KEEP, ERASE = "keep", "erase"
    footage = forms.ChoiceField(
        label=_("Its recordings"),
        choices=[
            (KEEP, _("Keep them until their time is over")),
            (ERASE, _("Delete them now, for good")),
        ],
        initial=KEEP,
        widget=forms.RadioSelect,
    )
    field_order = ["footage", "name"]


class AgentForm(forms.Form):
    """An agent's name and site."""

    name = NameField()
    site = forms.ModelChoiceField(
        queryset=None,
        label=_("Site"),
        empty_label=None,
    )
    along = forms.BooleanField(
        label=_("Its cameras come along"),
        required=False,
        help_text=_(
            "Those on the agent's site, where you may change them. Without it they stay on the sites they are on."
        ),
    )

    def __init__(self, *args: Any, agent: Agent, sites: QuerySet[Site], **kwargs: Any) -> None:
        super().__init__(*args, initial={"name": agent.name, "site": agent.site_id}, **kwargs)
        self.fields["site"].queryset = sites  # type: ignore[attr-defined]
