"""What is audited about approvals: both names in each."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from vsaas.approvals.registry import noun_spoken
from vsaas.audit.acts import declare, one_of

REMOTELY = gettext_noop("in their own session")
HERE = gettext_noop("at the same screen")
YES, NO = gettext_noop("yes"), gettext_noop("no")

_yes_no = one_of(YES, NO)

ASKED = declare("approval.asked", _("{actor} asked for approval of {what}"), what=noun_spoken)
APPROVED = declare(
    "approval.approved",
    _("{actor} approved {what}, asked for by {requester}, {how}"),
    what=noun_spoken,
    how=one_of(REMOTELY, HERE),
)
REFUSED = declare("approval.refused", _("{actor} refused {what}, asked for by {requester}"), what=noun_spoken)
WITHDRAWN = declare(
    "approval.withdrawn", _("{actor} withdrew the request for {what} of {requester}"), what=noun_spoken
)
ENDED = declare(
    "approval.ended", _("{actor} withdrew the approval of {what} of {requester}"), what=noun_spoken
)
SIGNED_IN = declare("approval.signed-in", _("{actor} signed in, approved by {approver}"))
NOT_USED = declare(
    "approval.not-used",
    _("The approval of {what} of {actor} by {approver} was refused: {reason}"),
    what=noun_spoken,
)
DECISION_REFUSED = declare(
    "approval.decision-refused", _("{actor} could not decide {what}, asked for by {requester}: {reason}")
)
ROUTE_REFUSED = declare(
    "approval.route-refused", _("{actor}, waiting for approval, was refused {method} {path}")
)

BREAK_GLASS_MADE = declare("break-glass.made", _("{actor} made a break-glass code"))
BREAK_GLASS_REVOKED = declare("break-glass.revoked", _("{actor} revoked a break-glass code of {maker}"))
BREAK_GLASS_USED = declare(
    "break-glass.used",
    _("{actor} signed in WITHOUT approval, by a break-glass code of {maker}, until {until}"),
)
BREAK_GLASS_REFUSED = declare("break-glass.refused", _("{actor} gave a wrong break-glass code"))
BREAK_GLASS_SEEN = declare("break-glass.acknowledged", _("{actor} acknowledged that {user} broke the glass"))

ROLE_RULE = declare(
    "approval.role-rule",
    _("{actor} set whether signing in as {object} needs a second person: {needed}"),
    needed=_yes_no,
)
POLICY_CHANGED = declare(
    "approval.policy",
    _("{actor} set: an approved sign-in lasts {hours} h; changes of roles need a second person: {needed}"),
    needed=_yes_no,
)
