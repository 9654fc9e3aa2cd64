"""What people type when cameras are searched for and looked at."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from protocol.errors import ProtocolError
from protocol.finding import ADDRESSES_MAX, RANGES_MAX, addresses_of
from vsaas.agents.models import Agent

_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "dir": "ltr"}


class SearchForm(forms.Form):
    """Where to search."""

    agent = forms.ModelChoiceField(
        queryset=None,
        label=_("Agent"),
        empty_label=None,
        help_text=_("The box that searches: it sees the cameras of its own network alone."),
    )
    multicast = forms.BooleanField(
        label=_("Ask all cameras of its network"),
        required=False,
        help_text=_("By WS-Discovery, which every ONVIF camera answers. It does not pass routers."),
    )
    ranges = forms.CharField(
        label=_("Addresses to try"),
        required=False,
        max_length=1600,
        widget=forms.Textarea({**_PLAIN, "rows": "2", "placeholder": "192.168.1.0/24"}),
    )

    def __init__(self, *args: Any, agents: QuerySet[Agent], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["agent"].queryset = agents  # type: ignore[attr-defined]
        self.fields["ranges"].help_text = _(
            "For cameras that do not answer by themselves: whether anything speaks RTSP there, at port 554. Like "
            "192.168.1.0/24 or 192.168.1.20-192.168.1.60, one a line, %(most)s addresses in all."
        ) % {"most": ADDRESSES_MAX}

    def clean_ranges(self) -> list[str]:
        ranges = [
            one for one in re.split(r"[\s,;]+", re.sub(r"\s*-\s*", "-", self.cleaned_data["ranges"])) if one
        ]
        if len(ranges) > RANGES_MAX:
            raise forms.ValidationError(_("At most %(most)s ranges at once.") % {"most": RANGES_MAX})
        try:
            addresses_of(ranges)
        except ProtocolError as error:
            raise forms.ValidationError(error.detail) from error
        return ranges

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if not data.get("multicast") and not data.get("ranges") and "ranges" not in self.errors:
            self.add_error("ranges", _("Tick the box above, or name addresses."))
        return data


class LookForm(forms.Form):
    """Which cameras to look at, and as whom."""

    user = forms.CharField(label=_("Cameras' user"), max_length=200, required=False, strip=False)
    password = forms.CharField(
        label=_("Cameras' password"),
        max_length=500,
        required=False,
        strip=False,
        help_text=_("Sealed to the agent at once: the portal cannot read it again."),
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )
    more = forms.CharField(
        label=_("More addresses"),
        required=False,
        max_length=2000,
        help_text=_(
            "Cameras that are not in the list, one a line, such as 192.168.1.30 or https://192.168.1.30:8443."
        ),
        widget=forms.Textarea({**_PLAIN, "rows": "2"}),
    )
    factory_passwords = forms.BooleanField(
        label=_("Check whether they still take the password they left the factory with"),
        required=False,
        help_text=_(
            "One try per camera and day, only with makes we know the password of: no camera is locked by it."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["user"].widget.attrs.update(_PLAIN)

    def clean_more(self) -> list[str]:
        return [_service(one) for one in self.cleaned_data["more"].split()]


def _service(text: str) -> str:
    """An address typed; where a scheme stands without a path, the usual one is meant."""
    _scheme, mark, rest = text.partition("://")
    return f"{text}/onvif/device_service" if mark and "/" not in rest else text
