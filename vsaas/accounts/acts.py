"""What is audited about people."""

from typing import Any

from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from vsaas.accounts.grants import ALL_SITES, NOT, OF_CAMERA, OF_GROUP, WITHOUT_ROLE
from vsaas.accounts.hours_words import change_spoken, hours_spoken
from vsaas.audit.acts import Data, declare, each_of, one_of

A_RECOVERY_CODE = gettext_noop("a recovery code")
THE_APP = gettext_noop("the authenticator app")
A_PASSKEY = gettext_noop("a passkey")
AN_EMAIL_CODE = gettext_noop("a code sent by e-mail")
A_REMEMBERED_BROWSER = gettext_noop("a browser that is remembered")
A_PASSKEY_ALONE = gettext_noop("a passkey, without password")
NO_ANSWER = gettext_noop("it is no passkey's answer")
UNKNOWN_PASSKEY = gettext_noop("no such passkey is known here")
STALE_CHALLENGE = gettext_noop("nothing was asked here that it could be the answer to")
UNKNOWN_DEVICE = gettext_noop("an unknown device")
UNKNOWN_NETWORK = gettext_noop("an unknown network")
A_KNOWN_BROWSER = gettext_noop("a known browser")
ANYWHERE = gettext_noop("anywhere")
ELSEWHERE = gettext_noop("places it was never signed in from")
SOMEBODY_GONE = gettext_noop("somebody who left")

_TITLES = (
    gettext_noop("Owner"),
    gettext_noop("Manager"),
    gettext_noop("Operator"),
    gettext_noop("Viewer"),
    gettext_noop("Auditor"),
    gettext_noop("Installer"),
    gettext_noop("Everything"),
)
_plain_role = one_of(*_TITLES)
_place = one_of(ALL_SITES, OF_GROUP, OF_CAMERA)


def _role(stored: str) -> str:
    denied, title = stored.removeprefix("not "), _plain_role(stored)
    return title if denied == stored else gettext(NOT) % {"role": _plain_role(denied)}


def _sites(stored: str) -> str:
    """Places with commas between; the name of one may hold a comma itself, and is then said as it is."""
    return ", ".join(map(_place, stored.split(", ")))


def grants_spoken(stored: str) -> str:
    """Roles and sites, as `people.grants_in_words` keeps them: "Owner of all sites; Viewer of Gate, Yard"."""
    return "; ".join(map(_grant_spoken, stored.split("; ")))


def _grant_spoken(stored: str) -> str:
    title, of, sites = stored.partition(" of ")
    if not of:
        return one_of(WITHOUT_ROLE)(stored)
    return gettext("%(role)s of %(sites)s") % {"role": _role(title), "sites": _sites(sites)}


NO_RIGHT = gettext_noop("nothing")
_rights = each_of(NO_RIGHT)
"""Names of permissions, as they are in the catalogue."""


def _rules(document: Any) -> str:
    """Sign-in rules, as `rules.as_kept` keeps them."""
    from vsaas.accounts.rules import spoken  # which records acts of this module

    return spoken(document)


device_spoken = one_of(UNKNOWN_DEVICE, gettext_noop("%(browser)s on %(system)s"))
"""A browser and its system, as `user_agents.device_words` says them: "Firefox on Linux"."""

_factor = one_of(A_RECOVERY_CODE, THE_APP, A_PASSKEY, A_PASSKEY_ALONE, A_REMEMBERED_BROWSER, AN_EMAIL_CODE)

SIGNED_IN = declare("session.signed-in", _("{actor} signed in with {factor}"), factor=_factor)
WAITS = declare(
    "session.waits",
    _("{actor} gave password and {factor}, and waits for a second person's approval"),
    factor=_factor,
)
SIGN_IN_OUTSIDE_HOURS = declare(
    "session.outside-hours", _("{actor} could not sign in outside the hours of their role")
)
SIGNED_OUT = declare("session.signed-out", _("{actor} signed out"))
PASSWORD_REFUSED = declare("session.password-refused", _("Somebody gave a wrong password for {object}"))
UNKNOWN_REFUSED = declare("session.unknown-refused", _("Somebody tried an unknown account at {tenant}"))
FACTOR_REFUSED = declare("session.factor-refused", _("{actor} gave a wrong second factor"))
THROTTLED = declare("session.throttled", _("Sign-in at {tenant} was slowed down after too many attempts"))
SIGN_IN_SLOWED = declare(
    "session.slowed",
    _("Sign-in of {object} from {place} was slowed down after too many attempts"),
    place=one_of(A_KNOWN_BROWSER, ANYWHERE, ELSEWHERE),
)
NETWORK_SLOWED = declare(
    "session.network-slowed", _("Sign-in from the network {place} was slowed down after too many attempts")
)
SLOWDOWN_LIFTED = declare(
    "people.slowdown-lifted",
    _("{actor} let the sign-in of {object} go on at once, slowed down from places: {count}"),
)
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
HOURS_CHANGED = declare(
    "role.hours-changed",
    _("{actor} changed the hours of the role {object}. Now: {after}. Before: {before}"),
    before=Data(hours_spoken),
    after=Data(hours_spoken),
)
ORGANISATION_CHANGED = declare(
    "tenant.changed",
    _("{actor} changed the organisation's settings. Now: {after}. Before: {before}"),
    before=Data(change_spoken),
    after=Data(change_spoken),
)
GRANTS_CHANGED = declare(
    "people.grants-changed",
    _("{actor} changed the roles of {object} from {before} to {after}"),
    before=grants_spoken,
    after=grants_spoken,
)
ROLE_MADE = declare("role.made", _("{actor} made the role {object}, which allows: {rights}"), rights=_rights)
ROLE_CHANGED = declare(
    "role.changed",
    _("{actor} changed the role {object}; before: {before}; now: {after}"),
    before=_rights,
    after=_rights,
)
ROLE_RENAMED = declare("role.renamed", _("{actor} renamed the role {before} to {object}"))
ROLE_DELETED = declare(
    "role.deleted", _("{actor} deleted the role {object}, which allowed: {before}"), before=_rights
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
FACTOR_RECOVERED = declare(
    "account.factor-recovered",
    _(
        "{actor} set up a new second factor in place of a lost one, approved by {approver}; other sessions ended: {count}"
    ),
)
RENAMED = declare("account.renamed", _("{actor} is called {after} now; before: {before}"))
PASSWORD_CHANGED = declare(
    "account.password-changed", _("{actor} changed the password; other sessions ended: {count}")
)
FACTOR_CHANGED = declare(
    "account.factor-changed", _("{actor} set up a new authenticator app; other sessions ended: {count}")
)
PASSKEY_ADDED = declare(
    "passkey.added", _("{actor} added the passkey {object}; other sessions ended: {count}")
)
PASSKEY_RENAMED = declare("passkey.renamed", _("{actor} renamed the passkey {before} to {object}"))
PASSKEY_REMOVED = declare(
    "passkey.removed", _("{actor} removed the passkey {object}; other sessions ended: {count}")
)
PASSKEY_REFUSED = declare(
    "passkey.refused",
    _("The answer of a passkey of {actor} was refused: {reason}"),
    reason=one_of(NO_ANSWER, UNKNOWN_PASSKEY, STALE_CHALLENGE),
)
PASSKEY_COPIED = declare(
    "passkey.copied",
    _("The passkey {object} of {actor} was refused: its counter went back, so it may have been copied"),
)
FACTOR_NOT_ACCEPTED = declare(
    "session.factor-not-accepted",
    _("{actor} was not signed in with {factor}: the sign-in rules do not accept it"),
    factor=_factor,
)
NUMBER_ADDED = declare(
    "account.number-added",
    _("{actor} set up the telephone number {number} for {kind}; other sessions ended: {count}"),
)
NUMBER_REMOVED = declare(
    "account.number-removed",
    _("{actor} removed the telephone number {number} for {kind}; other sessions ended: {count}"),
)
CODE_ASKED = declare("session.code-asked", _("{actor} asked for {factor}"), factor=_factor)
CODE_NOT_SENT = declare(
    "session.code-not-sent", _("{factor} for {actor} could not be sent: {error}"), factor=_factor
)
SIGN_IN_RULES_CHANGED = declare(
    "tenant.sign-in-rules",
    _("{actor} changed the sign-in rules. Now: {after}. Before: {before}"),
    before=Data(_rules),
    after=Data(_rules),
)
REMEMBERED = declare(
    "browser.remembered",
    _("{actor} had the browser {object} remembered in place of a second factor, for days: {days}"),
)
REMEMBERED_ENDED = declare("browser.forgotten", _("{actor} had the browser {object} remembered no more"))
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

RESET_ASKED = declare(
    "account.reset-asked",
    _("Somebody on the network {network} asked for a link to set a new password for {object}"),
    network=one_of(UNKNOWN_NETWORK),
)
PASSWORD_RESET = declare(
    "account.password-reset",
    _("{actor} set a new password by a link sent to {email}; sessions ended: {count}"),
)
EMAIL_CHANGE_ASKED = declare(
    "account.email-asked", _("{actor} asked to change the e-mail address from {before} to {after}")
)
EMAIL_CHANGED = declare(
    "account.email-changed", _("{actor} changed the e-mail address from {before} to {after}")
)
EMAIL_CHANGE_UNDONE = declare(
    "account.email-undone",
    _(
        "Whoever reads {after} said that changing the address of {object} to {before} was not theirs: it was undone, "
        "sessions ended: {count}, access tokens revoked: {tokens}, passkeys removed: {passkeys}, the password taken away"
    ),
)
CLOSED = declare(
    "account.closed", _("{actor} ({email}) closed the own account; it was {before}"), before=grants_spoken
)
NEW_DEVICE = declare(
    "session.new-device",
    _("{actor} signed in on a device not used before: {device} on {network}"),
    device=device_spoken,
    network=one_of(UNKNOWN_NETWORK),
)
LINK_REFUSED = declare("account.link-refused", _("Somebody opened an unknown link"))
TOKEN_OF_BOUND = declare(
    "token.needs-approval",
    _(
        "The access token {object} of {actor} was refused: signing in as {actor} needs a second person's approval"
    ),
)
ROLE_SESSIONS = declare(
    "role.sessions",
    _(
        "{actor} let sessions of {object} end after {idle} minutes without use and {lifetime} hours at most; "
        "before: {idle_before} minutes, {lifetime_before} hours"
    ),
)
