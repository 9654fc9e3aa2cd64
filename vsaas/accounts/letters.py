"""What people are written about their accounts. Each runs when its message is sent: see `vsaas.mail.letters`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants import lookups
from tenants.models import Tenant
from vsaas.accounts import acts, links, sent_codes
from vsaas.accounts.models import Account, AccountLink, Invitation
from vsaas.audit.services import NOBODY, record_act, what
from vsaas.common import clock
from vsaas.mail.letters import About, Letter, letter


def moment(at_us: str | int) -> str:
    """A time in a message, whose reader's zone nobody knows."""
    at = clock.from_us(int(at_us))
    return _("%(date)s, %(time)s UTC") % {
        "date": date_format(at, "DATE_FORMAT"),
        "time": at.strftime("%H:%M"),
    }


def page(name: str, **kwargs: str) -> str:
    """The whole address of a page of the current tenant."""
    slug = Tenant.objects.get().slug
    return str(settings.ENV.public_url) + reverse(name, kwargs={"slug": slug, **kwargs})


def organisation() -> str:
    """The name of the current tenant."""
    return str(Tenant.objects.get().name)


@contextlib.contextmanager
def in_language_of(account: Account) -> Iterator[None]:
    """In the language the account chose, else the one that is active."""
    with translation.override(account.language or translation.get_language()):
        yield


def _somebody_else() -> str:
    return _("If that was not you, change your password at once, and tell an owner of your organisation.")


@letter("invitation", gettext_lazy("Invitation"), hours=48)
def invitation(about: About, to: str) -> Letter | None:
    """`invitation`, `link`, `access` ("Viewer of Gate, Yard"). Nothing when it was withdrawn or accepted meanwhile."""
    invitation = Invitation.objects.filter(pk=about["invitation"], accepted_at=None, revoked_at=None).first()
    if invitation is None or invitation.expired:
        return None
    words = {"name": invitation.name, "inviter": invitation.invited_by_name, "organisation": organisation()}
    return Letter(
        _("%(inviter)s invites you to %(organisation)s") % words,
        (
            _("Hello %(name)s,") % words,
            _("%(inviter)s invites you to the video management of %(organisation)s.") % words,
            _("Your role there: %(access)s.") % {"access": acts.grants_spoken(about["access"])},
        ),
        (_("Set up your account"), about["link"]),
        (
            _("The link works once, until %(until)s. It is for you alone: do not pass it on.")
            % {"until": moment(clock.to_us(invitation.expires_at))},
        ),
    )


@letter("password-reset", gettext_lazy("Link to set a new password"), hours=1)
def password_reset(about: About, to: str) -> Letter | None:
    """`network`, `at_us`. Nobody is written to who has no account here."""
    account = Account.objects.filter(email=to, is_active=True).first()
    if account is None:
        return None
    record_act(acts.RESET_ASKED, NOBODY, what(account), network=about["network"] or acts.UNKNOWN_NETWORK)
    with in_language_of(account):
        return Letter(
            _("Set a new password at %(organisation)s") % {"organisation": organisation()},
            (
                _("Hello %(name)s,") % {"name": account.name},
                _(
                    "Somebody asked for a new password for your account, on %(at)s from the network %(network)s."
                )
                % {"at": moment(about["at_us"]), "network": about["network"]},
            ),
            (_("Set a new password"), links.issue(account, AccountLink.Kind.RESET)),
            (
                _("The link works once, within an hour. Your second factor stays as it is."),
                _("If that was not you, do nothing: without this link nothing changes."),
            ),
        )


@letter("sign-in-code", gettext_lazy("Code to sign in"), hours=1)
def sign_in_code(about: About, to: str) -> Letter | None:
    """`factor`, `asked_in`. Nothing when another code was asked for since, or it is too late for this one."""
    made = sent_codes.make(about["factor"], about["asked_in"], again=True)
    if made is None or made[0].user.email != to:
        return None
    factor, code = made
    with in_language_of(factor.user):
        words = {"code": code, "organisation": organisation(), "minutes": sent_codes.minutes()}
        return Letter(
            _("Your code for %(organisation)s") % words,
            (
                _("Hello %(name)s,") % {"name": factor.user.name},
                _("somebody gave your password at %(organisation)s and asked for this code:") % words,
                code,
                _("It is good for %(minutes)d minutes, once, in the browser it was asked in.") % words,
            ),
            after=(
                _("Give it to nobody, whoever asks for it. If that was not you, change your password at once, and tell an "
                  "owner of your organisation."),
            ),
        )  # fmt: skip


@letter("email-change", gettext_lazy("Link to confirm a new e-mail address"))
def email_change(about: About, to: str) -> Letter | None:
    """`account`, `stamp`. Nothing when the password was changed since: whoever asked may have been somebody else."""
    account = Account.objects.filter(pk=about["account"], is_active=True).first()
    if account is None or account.get_session_auth_hash() != about["stamp"]:
        return None
    with in_language_of(account):
        words = {"name": account.name, "organisation": organisation()}
        if Account.objects.filter(email=to).exclude(pk=account.pk).exists():
            return Letter(
                _("This address has an account at %(organisation)s already") % words,
                (
                    _("%(name)s asked to use this e-mail address at %(organisation)s.") % words,
                    _("It belongs to another account there, so nothing was changed."),
                ),
            )
        return Letter(
            _("Confirm your new e-mail address at %(organisation)s") % words,
            (
                _("Hello %(name)s,") % words,
                _("you asked to sign in to %(organisation)s with this e-mail address from now on.") % words,
            ),
            (_("Confirm the address"), links.issue(account, AccountLink.Kind.EMAIL, to)),
            (_("The link works once, within 24 hours. Until then nothing changes."),),
        )


@letter("email-changed", gettext_lazy("Notice of a changed e-mail address"), hours=72)
def email_changed(about: About, to: str) -> Letter | None:
    """`account`; goes to the address before."""
    account = Account.objects.filter(pk=about["account"], is_active=True).first()
    if account is None or account.email == to:
        return None
    with in_language_of(account):
        words = {"name": account.name, "organisation": organisation(), "email": account.email}
        return Letter(
            _("Your e-mail address at %(organisation)s was changed") % words,
            (
                _("Hello %(name)s,") % words,
                _("your account at %(organisation)s has another e-mail address now: %(email)s.") % words,
                _("If that was you, there is nothing to do."),
            ),
            (_("This was not me"), links.issue(account, AccountLink.Kind.NOT_ME, to)),
            (
                _("The link works once, within seven days. It brings this address back, ends all sessions, removes access tokens "
                  "and passkeys, and has a new password set by mail to this address."),
            ),
        )  # fmt: skip


@letter("new-device", gettext_lazy("Notice of a new device"))
def new_device(about: About, to: str) -> Letter | None:
    """`account`, `device`, `network`, `at_us`."""
    account = Account.objects.filter(pk=about["account"], is_active=True).first()
    if account is None:
        return None
    with in_language_of(account):
        words = {
            "name": account.name,
            "organisation": organisation(),
            "device": acts.device_spoken(about["device"]),
            "network": about["network"],
            "at": moment(about["at_us"]),
        }
        return Letter(
            _("New sign-in at %(organisation)s: %(device)s") % words,
            (
                _("Hello %(name)s,") % words,
                _("your account at %(organisation)s was signed in to on a device it was not used on before.")
                % words,
                _("%(device)s, from the network %(network)s, on %(at)s.") % words,
                _("If that was you, there is nothing to do."),
            ),
            (_("See where you are signed in"), page("account")),
            (_somebody_else(),),
        )


@letter("password-changed", gettext_lazy("Notice of a changed password"))
def password_changed(about: About, to: str) -> Letter | None:
    """`account`, `network`, `at_us`, `by_link` ("" or "yes")."""
    said = (
        _("Your password was changed by a link sent to this address, on %(at)s from the network %(network)s.")
        if about["by_link"]
        else _("Your password was changed on %(at)s from the network %(network)s.")
    )
    return _changed(about, _("Your password at %(organisation)s was changed"), said)


@letter("factor-changed", gettext_lazy("Notice of a changed second factor"))
def factor_changed(about: About, to: str) -> Letter | None:
    """`account`, `network`, `at_us`."""
    said = _(
        "A new second factor was set up on %(at)s from the network %(network)s; the one before stopped working."
    )
    return _changed(about, _("Your second factor at %(organisation)s was changed"), said)


@letter("factor-lost", gettext_lazy("Notice of a lost second factor"))
def factor_lost(about: About, to: str) -> Letter | None:
    """`account`, `network`, `at_us`."""
    account = Account.objects.filter(pk=about["account"], is_active=True).first()
    if account is None:
        return None
    words = {"organisation": organisation(), "at": moment(about["at_us"]), "network": about["network"]}
    said = _(
        "Somebody gave your password on %(at)s from the network %(network)s, and asked to replace your second factor."
    )
    return Letter(
        _("A new second factor at %(organisation)s was asked for") % words,
        (
            _("Hello %(name)s,") % {"name": account.name},
            said % words,
            _("Nothing changes until somebody else of your organisation approves it."),
        ),
        (_("Sign in"), page("sign-in")),
        (_("If that was not you, tell an owner of your organisation at once, and change your password."),),
    )


@letter("factor-lost-elsewhere", gettext_lazy("Request for a new second factor"))
def factor_lost_elsewhere(about: About, to: str) -> Letter | None:
    """`account`, `approver`, `network`, `at_us`; goes to somebody who may approve it."""
    people = {
        str(one.pk): one for one in Account.objects.filter(pk__in=(about["account"], about["approver"]))
    }
    if len(people) != 2:
        return None
    asker, approver = people[about["account"]], people[about["approver"]]
    words = {
        "asker": asker.name,
        "organisation": organisation(),
        "at": moment(about["at_us"]),
        "network": about["network"],
    }
    return Letter(
        _("%(asker)s has lost the second factor at %(organisation)s") % words,
        (
            _("Hello %(name)s,") % {"name": approver.name},
            _("%(asker)s asks to set up a new second factor: on %(at)s, from the network %(network)s.")
            % words,
            _(
                "You may approve it. Speak to them first, by a way you know: whoever has their password can ask for this."
            ),
        ),
        (_("Look at the request"), page("approvals")),
        (_("It runs out after half an hour."),),
    )


@letter("factor-recovered", gettext_lazy("Notice of a replaced second factor"))
def factor_recovered(about: About, to: str) -> Letter | None:
    """`account`, `approver_name`, `network`, `at_us`; goes to the person and to those who could have approved it."""
    account = Account.objects.filter(pk=about["account"], is_active=True).first()
    if account is None:
        return None
    words = {
        "name": account.name,
        "organisation": organisation(),
        "approver": about["approver_name"],
        "at": moment(about["at_us"]),
        "network": about["network"],
    }
    said = _(
        "%(name)s set up a new second factor on %(at)s from the network %(network)s, approved by %(approver)s."
    )
    return Letter(
        _("The second factor of %(name)s at %(organisation)s was replaced") % words,
        (
            said % words,
            _("Every factor from before stopped working, and every other session ended."),
            _("If you knew of this, there is nothing to do."),
        ),
        after=(_("If not, tell an owner of your organisation at once."),),
    )


def _changed(about: About, subject: str, said: str) -> Letter | None:
    account = Account.objects.filter(pk=about["account"], is_active=True).first()
    if account is None:
        return None
    words = {"organisation": organisation(), "at": moment(about["at_us"]), "network": about["network"]}
    return Letter(
        subject % words,
        (
            _("Hello %(name)s,") % {"name": account.name},
            said % words,
            _("If that was you, there is nothing to do."),
        ),
        (_("Look at your account"), page("account")),
        (
            _(
                "If that was not you, ask for a new password on the page where you sign in, and tell an owner of your organisation."
            ),
        ),
    )


@letter("account-closed", gettext_lazy("Notice of a closed account"))
def account_closed(about: About, to: str) -> Letter | None:
    """`name`, `at_us`."""
    words = {"name": about["name"], "organisation": organisation(), "at": moment(about["at_us"])}
    return Letter(
        _("Your account at %(organisation)s is closed") % words,
        (
            _("Hello %(name)s,") % words,
            _("your account at %(organisation)s was closed by yourself on %(at)s.") % words,
            _("Recordings stay with the organisation, and its audit log goes on saying what you did there."),
        ),
        after=(_("If that was not you, tell an owner of your organisation at once."),),
    )


@letter("find-sign-in", gettext_lazy("Where you sign in"), hours=1)
def find_sign_in(about: About, to: str) -> Letter | None:
    """A message of the platform: it goes to the address alone, and to none without an account."""
    found = lookups.sign_ins_of(to)
    if not found:
        return None
    public_url = str(settings.ENV.public_url)
    places = (f"{name}: {public_url}{reverse('sign-in', kwargs={'slug': slug})}" for slug, name in found)
    return Letter(
        _("Where you sign in"),
        (_("Somebody asked where this e-mail address has an account. Here is where:"), *places),
        after=(_("If that was not you, there is nothing to do: nobody but you was told."),),
    )
