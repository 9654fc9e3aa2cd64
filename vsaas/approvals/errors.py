"""What can be wrong with a request for approval, or with the approval itself."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from vsaas.common.errors import Conflict, Denied, Gone, InvalidField, NotSignedIn


class WaitingForApproval(NotSignedIn):
    """The session's person gave password and factor, and a second person has not approved the sign-in, or not any more."""

    problem = "waiting-for-approval"
    title = _("A second person must approve this sign-in first")
    refusal = True


class OwnRequest(Denied):
    """Nobody approves what they asked for themselves."""

    problem = "own-request"
    title = _("Somebody else must decide this")


class ApproverWaits(Denied):
    """Who waits for approval approves nobody."""

    problem = "approver-waits"
    title = _("Who waits for approval cannot approve")


class Decided(Conflict):
    """Somebody else decided first, or the request was withdrawn."""

    problem = "decided-already"
    title = _("This is decided already")
    refusal = True


class RequestExpired(Gone):
    """Nobody decided in time."""

    problem = "approval-expired"
    title = _("This request ran out")
    refusal = True


class Altered(Conflict):
    """What would be done is not what was shown, or not what was asked for."""

    problem = "approval-altered"
    title = _("This is not what was asked for any more")
    refusal = True


class TooManyWaiting(Conflict):
    """As much waits as may."""

    problem = "too-many-waiting"
    title = _("Too much waits for approval already")


class FreshFactorNeeded(InvalidField):
    """The code typed with an approval is missing, wrong, or was used before."""

    problem = "fresh-factor"
    title = _("A fresh code is needed")

    def __init__(self) -> None:
        super().__init__(
            "code", _("this code is wrong or was used before; wait for the next one and type that")
        )


class NobodyToApprove(Conflict):
    """Somebody who needs approval to sign in would be left without anybody who could give it."""

    problem = "nobody-to-approve"
    title = _("Nobody would be left to approve")


class AwaitsSecondPerson(Conflict):
    """The change is not made: it waits for a second person. `extra["approval"]` is the request's id."""

    problem = "awaits-second-person"
    title = _("This waits for a second person")
