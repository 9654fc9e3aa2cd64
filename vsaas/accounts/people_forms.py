"""What owners type about people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from tenants.models import Membership, Site
from tenants.permissions import NEEDS, OWNER, SUBJECTS, VIEWER, Permission, subject_of
from tenants.roles import EVERYTHING, permissions_named, roles
from vsaas.accounts.grants import Held
from vsaas.accounts.models import Account
from vsaas.accounts.people import ROLE_WORDS, Access
from vsaas.accounts.roles import TITLE_CHARS_MAX, offered_permissions

ALL, SOME = "all", "some"


class AccessForm(forms.Form):
    """A role, on all sites or some."""

    role = forms.ChoiceField(label=_("Role"))
    where = forms.ChoiceField(
        label=_("Where"), choices=[(ALL, _("All sites, also those added later")), (SOME, _("These sites"))]
    )
    sites = forms.ModelMultipleChoiceField(
        queryset=None,
        required=False,
        label=_("Sites"),
        error_messages={
            "invalid_choice": _("One of these sites does not exist here any more. Choose again."),
            "invalid_pk_value": _("One of these sites does not exist here any more. Choose again."),
        },
    )

    def __init__(self, *args: Any, sites: QuerySet[Site], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = roles()
        choices = [(one.name, one.title) for one in self.known.values()]
        self.fields["role"].choices = choices  # type: ignore[attr-defined]
        self.fields["sites"].queryset = sites  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("role") == OWNER.name and data.get("where") == SOME:
            self.add_error("where", _("An owner is one of all sites. Choose all sites, or another role."))
        elif data.get("where") == SOME and not data.get("sites") and "sites" not in self.errors:
            self.add_error("sites", _("Choose at least one site."))
        return data

    @property
    def access(self) -> Access:
        """What was chosen; of a valid form."""
        chosen = self.cleaned_data
        sites = None if chosen["where"] == ALL else frozenset(site.pk for site in chosen["sites"])
        return Access(self.known[chosen["role"]], sites)

    # What the template draws: each choice with its words and whether it is chosen now.

    def roles(self) -> list[dict[str, Any]]:
        """The roles as cards: what each may do, and whether it is chosen."""
        value = self["role"].value()
        return [
            {
                "name": one.name,
                "title": one.title,
                "words": ROLE_WORDS.get(one.name, ""),
                "rights": rights_of(one.permissions),
                "chosen": one.name == value,
            }
            for one in self.known.values()
        ]

    def places(self) -> list[dict[str, Any]]:
        """The sites to tick."""
        value = {str(getattr(site, "pk", site)) for site in self["sites"].value() or ()}
        return [
            {"id": site.pk, "name": site.name, "chosen": str(site.pk) in value}
            for site in self.fields["sites"].queryset  # type: ignore[attr-defined]
        ]

    def chosen_where(self) -> str:
        """All or some."""
        return str(self["where"].value() or "")


class InviteForm(AccessForm):
    """Whom to invite, as what."""

    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_("They sign in with it. Where this system sends mail, the link is sent there."),
        widget=forms.EmailInput({"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    field_order = ["name", "email", "role", "where", "sites"]


GIVE, DENY = "give", "deny"
AT_SITE, AT_GROUP, AT_CAMERA = "site", "group", "camera"


class CameraChoice(forms.ModelChoiceField):
    """Cameras with their sites, since two may have one name."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} · {obj.site.name}"


class GrantForm(forms.Form):
    """One role, or its denial, at one place."""

    act = forms.ChoiceField(choices=[(GIVE, _("Allow")), (DENY, _("Deny"))], initial=GIVE, label=_("What"))
    role = forms.ChoiceField(required=False, label=_("Role"))
    where = forms.ChoiceField(
        label=_("Where"),
        initial=AT_SITE,
        choices=[
            (ALL, _("Everywhere, also on what is added later")),
            (AT_SITE, _("On one site")),
            (AT_GROUP, _("On the cameras of one group")),
            (AT_CAMERA, _("On one camera")),
        ],
    )
    site = forms.ModelChoiceField(queryset=None, required=False, label=_("Site"))
    group = forms.ChoiceField(required=False, label=_("Group"))
    camera = CameraChoice(queryset=None, required=False, label=_("Camera"))

    def __init__(
        self, *args: Any, sites: QuerySet[Site], cameras: QuerySet[Any], groups: Sequence[str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["site"].queryset = sites  # type: ignore[attr-defined]
        self.fields["camera"].queryset = cameras  # type: ignore[attr-defined]
        self.fields["group"].choices = [("", "")] + [(name, name) for name in groups]  # type: ignore[attr-defined]
        titles = [(one.name, one.title) for one in roles().values()]
        self.fields["role"].choices = [("", EVERYTHING.title), *titles]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("act") == GIVE and not data.get("role") and "role" not in self.errors:
            self.add_error("role", _("Choose a role. Everything can only be denied."))
        where = data.get("where")
        if where in (AT_SITE, AT_GROUP, AT_CAMERA) and not data.get(where) and where not in self.errors:
            self.add_error(where, _("Choose where."))
        return data

    @property
    def chosen(self) -> Held:
        """What was chosen; of a valid form."""
        data = self.cleaned_data
        where, denies = data["where"], data["act"] == DENY
        if where == AT_SITE:
            return Held(data["role"], site_id=data["site"].pk, denies=denies)
        if where == AT_GROUP:
            return Held(data["role"], group=data["group"], denies=denies)
        if where == AT_CAMERA:
            return Held(data["role"], camera_id=data["camera"].pk, denies=denies)
        return Held(data["role"], denies=denies)


class RoleForm(forms.Form):
    """A role's name, and what it may do."""

    title = forms.CharField(
        label=_("Name"), max_length=TITLE_CHARS_MAX, widget=forms.TextInput({"autocomplete": "off"})
    )
    permissions = forms.MultipleChoiceField(
        label=_("What it may do"),
        error_messages={"required": _("Choose at least one thing the role may do.")},
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(one.name, one.sentence) for one in offered_permissions()]
        self.fields["permissions"].choices = choices  # type: ignore[attr-defined]

    @property
    def chosen(self) -> frozenset[Permission]:
        """What was ticked; of a valid form."""
        return permissions_named(self.cleaned_data["permissions"])

    def subjects(self) -> list[dict[str, Any]]:
        """What there is to tick, under its headings; each with what comes along."""
        ticked = set(self["permissions"].value() or ())
        return [
            {
                "title": subject.title,
                "rows": [
                    {
                        "name": one.name,
                        "words": one.sentence,
                        "chosen": one.name in ticked,
                        "needs": [needed.sentence for needed in NEEDS.get(one, ())],
                    }
                    for one in offered_permissions()
                    if subject_of(one) == subject
                ],
            }
            for subject in SUBJECTS
        ]


def first_access(sites: Sequence[UUID] = ()) -> dict[str, Any]:
    """What an empty form proposes: the least. Of `sites` to choose from, a single one is chosen already."""
    return {"role": VIEWER.name, "where": SOME, "sites": sites if len(sites) == 1 else ()}


def access_as_it_is(account: Account) -> dict[str, Any]:
    """A member's role and sites as the form begins with them. Of several roles the first is proposed."""
    rows: list[Membership] = [
        row for row in account.memberships.all() if not (row.denies or row.group or row.camera_id)
    ]
    if not rows:
        return first_access()
    everywhere = any(row.site_id is None for row in rows)
    sites: list[UUID] = [row.site_id for row in rows if row.site_id is not None]
    return {"role": rows[0].role, "where": ALL if everywhere else SOME, "sites": sites}


def rights_of(permissions: frozenset[Permission]) -> list[str]:
    """What permissions let one do, in their own sentences."""
    return sorted(permission.sentence for permission in permissions)
