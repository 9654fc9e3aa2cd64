"""What people type about approvals."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from vsaas.approvals.models import HOLDS_S_LEAST, HOLDS_S_MOST

FACTOR_CHARS_MAX = 8000  # a passkey's answer


def code_field(label: Any = None) -> forms.CharField:
    """A field for a code of one's authenticator app, a recovery code, or a passkey's answer."""
    return forms.CharField(
        label=label or _("Code from your authenticator app"),
        max_length=FACTOR_CHARS_MAX,
        widget=forms.TextInput(
            {
                "autocomplete": "one-time-code",
                "class": "code",
                "spellcheck": "false",
                "autocapitalize": "characters",
            }
        ),
    )


class CodeForm(forms.Form):
    """A code typed now."""

    code = code_field()


class DecisionForm(CodeForm):
    """A yes: the code, and what was seen."""

    digest = forms.RegexField(r"\A[0-9a-f]{64}\Z", widget=forms.HiddenInput)


class ConfirmForm(CodeForm):
    """Password and code, before something that opens doors is made."""

    password = forms.CharField(
        label=_("Your password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )
    field_order = ("password", "code")


class PolicyForm(forms.Form):
    """What a second person is asked for."""

    roles = forms.MultipleChoiceField(
        label=_("Roles that need approval to sign in"), required=False, widget=forms.CheckboxSelectMultiple
    )
    holds_h = forms.DecimalField(
        label=_("An approved sign-in lasts, in hours"),
        min_value=HOLDS_S_LEAST / 3600,
        max_value=HOLDS_S_MOST / 3600,
        decimal_places=2,
        help_text=_("From a quarter of an hour to 168 hours. It ends with the session in any case."),
    )
    roles_need_second = forms.BooleanField(label=_("Changes of roles need a second person"), required=False)

    def __init__(self, *args: Any, choices: list[tuple[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["roles"].choices = choices  # type: ignore[attr-defined]
