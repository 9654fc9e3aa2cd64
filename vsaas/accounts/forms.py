"""What people type at the door."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from tenants.words import filled
from vsaas.accounts.models import Account, normalise_email
from vsaas.accounts.passwords import MAX_CHARS, MIN_CHARS, check_password_strength, new_password_input
from vsaas.approvals.forms import FACTOR_CHARS_MAX


class SlugForm(forms.Form):
    """Which organisation."""

    organisation = forms.SlugField(
        label=_("Organisation"),
        max_length=40,
        help_text=_("The short name in your organisation's address, after /t/."),
        widget=forms.TextInput(
            {"autocomplete": "organization", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


class AddressForm(forms.Form):
    """An e-mail address, which may have an account or none."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(
            {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


class SignInForm(AddressForm):
    """E-mail address and password."""

    password = forms.CharField(
        label=_("Password"),
        max_length=MAX_CHARS,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )


class CodeForm(forms.Form):
    """A code of the authenticator app."""

    code = forms.CharField(
        label=_("Code from your authenticator app"),
        max_length=40,
        help_text=_("Six digits, new every 30 seconds."),
        widget=forms.TextInput(
            {"autocomplete": "one-time-code", "inputmode": "numeric", "class": "code", "spellcheck": "false"}
        ),
    )


class FactorForm(CodeForm):
    """A code of the authenticator app, a recovery code, or a passkey's answer, which the page's script puts in its place."""

    code = forms.CharField(
        label=_("Code from your authenticator app"),
        max_length=FACTOR_CHARS_MAX,
        help_text=_(
            "Six digits, new every 30 seconds. Lost the app? Type one of your recovery codes instead."
        ),
        widget=forms.TextInput(
            {
                "autocomplete": "one-time-code",
                "class": "code",
                "spellcheck": "false",
                "autocapitalize": "characters",
            }
        ),
    )


class PersonForm(forms.Form):
    """Who sets up an account: name, address, password. When the person comes back to it, the password may stay empty.

    `email`: the address an invitation went to, which the person does not choose; None: they do.
    """

    name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput({"autocomplete": "name"})
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(
            {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        required=False,
        help_text=filled(_("At least %(min)d characters. A few unrelated words work well."), min=MIN_CHARS),
    )

    def __init__(
        self, *args: Any, account: Account | None, organisation: str, email: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.account = account
        self.organisation = organisation
        self.fields["password"].widget = new_password_input([organisation])
        if email is not None:
            # Not `disabled`: password managers must see the address the password belongs to.
            self.fields["email"].widget.attrs["readonly"] = True
            self.fields["email"].help_text = _("The address you were invited with.")
        self.invited_as = email
        if account is not None:
            self.fields["password"].help_text = _("Leave it empty to keep the password you chose.")

    def clean_email(self) -> str:
        email = normalise_email(self.invited_as or self.cleaned_data["email"])
        taken = Account.objects.filter(email=email)
        if self.account is not None:
            taken = taken.exclude(pk=self.account.pk)
        if taken.exists():
            raise forms.ValidationError(_("Somebody here has this address already."))
        return email

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        password = data.get("password", "")
        if not password and self.account is not None:
            return data
        about = [data.get("name", ""), data.get("email", ""), self.organisation]
        try:
            check_password_strength(password, about)
        except forms.ValidationError as error:
            self.add_error("password", error)
        return data


class PasswordForm(forms.Form):
    """The password one has."""

    password = forms.CharField(
        label=_("Your password"),
        max_length=MAX_CHARS,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )


class ChosenPasswordForm(forms.Form):
    """A new password. `about`: what it must not be made of."""

    new_password = forms.CharField(
        label=_("New password"),
        strip=False,
        help_text=filled(_("At least %(min)d characters. A few unrelated words work well."), min=MIN_CHARS),
    )

    def __init__(self, *args: Any, about: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.about = about
        self.fields["new_password"].widget = new_password_input(about)

    def clean_new_password(self) -> str:
        password: str = self.cleaned_data["new_password"]
        check_password_strength(password, self.about)
        return password
