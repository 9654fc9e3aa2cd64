"""People who are in by a recovery code or a set-up link, and have no factor that the sign-in rules accept: every page tells
them to set one up, since they could not sign in with what they have."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext as _

from vsaas.accounts import rules
from vsaas.accounts.models import Account
from vsaas.common.pages import Banner

OWES = "owes_factor"


def note(request: HttpRequest, account: Account) -> None:
    """Find out whether the account of this session owes one, and keep it in the session."""
    accepted = rules.rules_of(account).kinds
    if accepted & rules.kinds_held({account.pk})[account.pk]:
        request.session.pop(OWES, None)
    else:
        request.session[OWES] = sorted(accepted)


def banner(request: HttpRequest) -> Banner | None:
    """What every page of theirs says."""
    session = getattr(request, "session", None)  # none yet where a request ended before one was looked up
    accepted = None if session is None else session.get(OWES)
    if accepted is None:
        return None
    kinds = ", ".join(str(title) for one, title in rules.kinds().items() if one in accepted)
    if not kinds:
        return Banner(
            "bad", _("Your roles accept no second factor in common. Tell an owner before you sign out."), ""
        )
    words = _("You could not sign in again: your role accepts only %(kinds)s. Set one up now.")
    return Banner("bad", words % {"kinds": kinds}, "account")
