"""What is audited about people."""

from vsaas.audit.acts import declare

SIGNED_IN = declare("session.signed-in", "{actor} signed in with {factor}")
SIGNED_OUT = declare("session.signed-out", "{actor} signed out")
PASSWORD_REFUSED = declare("session.password-refused", "Somebody gave a wrong password for {object}")
UNKNOWN_REFUSED = declare("session.unknown-refused", "Somebody tried an unknown account at {tenant}")
FACTOR_REFUSED = declare("session.factor-refused", "{actor} gave a wrong second factor")
THROTTLED = declare("session.throttled", "Sign-in at {tenant} was slowed down after too many attempts")
SETUP_LINK_ISSUED = declare("setup.link-issued", "A set-up link was issued on the server")
SETUP_LINK_REFUSED = declare("setup.link-refused", "Somebody opened an unknown set-up link")
OWNER_SET_UP = declare("setup.owner", "{actor} became the first owner")
RECOVERY_CODES_MADE = declare("recovery.made", "{actor} made new recovery codes")
RECOVERY_CODES_SAVED = declare("recovery.saved", "{actor} kept the recovery codes")
TENANT_CREATED = declare("tenant.created", "The organisation {object} was created on the server")

INVITED = declare("people.invited", "{actor} invited {object} as {role} of {sites}")
INVITATION_RENEWED = declare(
    "people.invitation-renewed", "{actor} made a new link for the invitation of {object}"
)
INVITATION_REVOKED = declare("people.invitation-revoked", "{actor} withdrew the invitation of {object}")
JOINED = declare("people.joined", "{actor} joined as {role} of {sites}, invited by {inviter}")
ACCESS_CHANGED = declare(
    "people.access-changed", "{actor} made {object} {role} of {sites}; {object} was {before}"
)
REMOVED = declare("people.removed", "{actor} removed {object} ({email}), who was {before}")
SESSIONS_ENDED = declare("people.sessions-ended", "{actor} ended the sessions of {object}: {count}")
FACTOR_LINK_ISSUED = declare(
    "people.factor-link", "{actor} made a link by which {object} sets up a new second factor"
)
FACTOR_RESET = declare("account.factor-reset", "{actor} set up a new second factor by a link of {issuer}")
RENAMED = declare("account.renamed", "{actor} is called {after} now; before: {before}")
PASSWORD_CHANGED = declare(
    "account.password-changed", "{actor} changed the password; other sessions ended: {count}"
)
FACTOR_CHANGED = declare(
    "account.factor-changed", "{actor} set up a new authenticator app; other sessions ended: {count}"
)
CONFIRMING_REFUSED = declare(
    "account.confirming-refused", "{actor} gave a wrong password while changing the own account"
)
OWN_SESSION_ENDED = declare("session.ended", "{actor} signed out {device} on {network}")
OTHER_SESSIONS_ENDED = declare("session.others-ended", "{actor} signed out all other sessions: {count}")
TOKEN_CREATED = declare(
    "token.created", "{actor} made the access token {object}, until {until}, for: {scopes}"
)
TOKEN_REVOKED = declare("token.revoked", "{actor} revoked the access token {object}")
TOKEN_USED = declare("token.used", "The access token {object} of {actor} was used")
