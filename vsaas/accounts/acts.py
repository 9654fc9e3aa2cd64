"""What is audited about people."""

from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from vsaas.audit.acts import declare, one_of

A_RECOVERY_CODE = gettext_noop("a recovery code")
THE_APP = gettext_noop("the authenticator app")
ALL_SITES = gettext_noop("all sites")
WITHOUT_ROLE = gettext_noop("without a role")
UNKNOWN_DEVICE = gettext_noop("an unknown device")
UNKNOWN_NETWORK = gettext_noop("an unknown network")
SOMEBODY_GONE = gettext_noop("somebody who left")

_role = one_of(gettext_noop("Owner"), gettext_noop("Operator"), gettext_noop("Viewer"))
_sites = one_of(ALL_SITES)


def grants_spoken(stored: str) -> str:
    """Roles and sites, as `people.grants_in_words` keeps them: "Owner of all sites; Viewer of Gate, Yard"."""
    return "; ".join(map(_grant_spoken, stored.split("; ")))


def _grant_spoken(stored: str) -> str:
    title, of, sites = stored.partition(" of ")
    if not of:
        return one_of(WITHOUT_ROLE)(stored)
    return gettext("%(role)s of %(sites)s") % {"role": _role(title), "sites": _sites(sites)}


device_spoken = one_of(UNKNOWN_DEVICE, gettext_noop("%(browser)s on %(system)s"))
"""A browser and its system, as `own.device_words` says them: "Firefox on Linux"."""

SIGNED_IN = declare(
    "session.signed-in", _("{actor} signed in with {factor}"), factor=one_of(A_RECOVERY_CODE, THE_APP)
)
SIGNED_OUT = declare("session.signed-out", _("{actor} signed out"))
PASSWORD_REFUSED = declare("session.password-refused", _("Somebody gave a wrong password for {object}"))
UNKNOWN_REFUSED = declare("session.unknown-refused", _("Somebody tried an unknown account at {tenant}"))
FACTOR_REFUSED = declare("session.factor-refused", _("{actor} gave a wrong second factor"))
THROTTLED = declare("session.throttled", _("Sign-in at {tenant} was slowed down after too many attempts"))
SETUP_LINK_ISSUED = declare("setup.link-issued", _("A set-up link was issued on the server"))
SETUP_LINK_REFUSED = declare("setup.link-refused", _("Somebody opened an unknown set-up link"))
OWNER_SET_UP = declare("setup.owner", _("{actor} became the first owner"))
RECOVERY_CODES_MADE = declare("recovery.made", _("{actor} made new recovery codes"))
RECOVERY_CODES_SAVED = declare("recovery.saved", _("{actor} kept the recovery codes"))
TENANT_CREATED = declare("tenant.created", _("The organisation {object} was created on the server"))

INVITED = declare(
    "people.invited", _("{actor} invited {object} as {role} of {sites}"), role=_role, sites=_sites
)
INVITATION_RENEWED = declare(
    "people.invitation-renewed", _("{actor} made a new link for the invitation of {object}")
)
INVITATION_REVOKED = declare("people.invitation-revoked", _("{actor} withdrew the invitation of {object}"))
JOINED = declare(
    "people.joined", _("{actor} joined as {role} of {sites}, invited by {inviter}"), role=_role, sites=_sites
)
ACCESS_CHANGED = declare(
    "people.access-changed",
    _("{actor} made {object} {role} of {sites}; {object} was {before}"),
    role=_role,
    sites=_sites,
    before=grants_spoken,
)
REMOVED = declare(
    "people.removed", _("{actor} removed {object} ({email}), who was {before}"), before=grants_spoken
)
SESSIONS_ENDED = declare("people.sessions-ended", _("{actor} ended the sessions of {object}: {count}"))
FACTOR_LINK_ISSUED = declare(
    "people.factor-link", _("{actor} made a link by which {object} sets up a new second factor")
)
FACTOR_RESET = declare(
    "account.factor-reset",
    _("{actor} set up a new second factor by a link of {issuer}"),
    issuer=one_of(SOMEBODY_GONE),
)
RENAMED = declare("account.renamed", _("{actor} is called {after} now; before: {before}"))
PASSWORD_CHANGED = declare(
    "account.password-changed", _("{actor} changed the password; other sessions ended: {count}")
)
FACTOR_CHANGED = declare(
    "account.factor-changed", _("{actor} set up a new authenticator app; other sessions ended: {count}")
)
CONFIRMING_REFUSED = declare(
    "account.confirming-refused", _("{actor} gave a wrong password while changing the own account")
)
OWN_SESSION_ENDED = declare(
    "session.ended",
    _("{actor} signed out {device} on {network}"),
    device=device_spoken,
    network=one_of(UNKNOWN_NETWORK),
)
OTHER_SESSIONS_ENDED = declare("session.others-ended", _("{actor} signed out all other sessions: {count}"))
TOKEN_CREATED = declare(
    "token.created", _("{actor} made the access token {object}, until {until}, for: {scopes}"), ["site"]
)
TOKEN_REVOKED = declare("token.revoked", _("{actor} revoked the access token {object}"))
TOKEN_USED = declare("token.used", _("The access token {object} of {actor} was used"))
