"""What is audited about keys."""

from django.utils.translation import gettext_lazy as _

from vsaas.audit.acts import declare, watching

KEYS_MADE = declare("keys.made", _("{actor} made the keys of {object}, root {fingerprint}"))
KEYS_RELEASED = declare(
    "keys.released",
    _("{actor} received {count} keys of a camera's recordings, {from_time} to {to_time}"),
    ["first", "last", "session", "until_us"],
)
KEY_STORE_COPIED = declare("keys.copied", _("{actor} copied the key store into a backup"))
KEY_STORE_RESTORED = declare("keys.restored", _("{actor} restored everything from the backup of {made}"))

watching(KEYS_RELEASED)

# Keys the customer holds.
OWN_KEY_MADE = declare("keys.own-made", _("{actor} made a key of their own, fingerprint {fingerprint}"))
OWN_KEY_REPLACED = declare(
    "keys.own-replaced",
    _("{actor} replaced the key of their own, fingerprint {fingerprint}"),
    ["before", "after"],
)
WAY_ADDED = declare(
    "keys.way-added", _("{actor} added a way to open the key of their own: {label}"), ["kind"]
)
WAY_REMOVED = declare(
    "keys.way-removed", _("{actor} removed a way to open the key of their own: {label}"), ["kind"]
)
TAKEN_OVER = declare(
    "keys.taken-over",
    _("{actor} took over the keys of {object}: customer-held from now on, root {fingerprint}"),
    ["cameras", "envelopes", "before", "after"],
)
VAULT_RENEWED = declare(
    "keys.vault-renewed", _("{actor} renewed the vault of {object}, root {fingerprint}"), ["before", "after"]
)
PORTAL_KEY_ERASED = declare(
    "keys.portal-key-erased",
    _(
        "{actor} erased the portal's key to the recordings of {object}; {envelopes} key periods were sealed anew"
    ),
    ["before", "after"],
)
STATEMENT_ASKED = declare(
    "keys.statement-asked", _("{actor} asked the holders to sign a statement about {object}"), ["what"]
)
STATED = declare("keys.stated", _("{actor} signed {count} statements of {object}: {what}"), ["first", "last"])
CAMERA_KEY_CHANGED = declare(
    "keys.camera-key-changed", _("{actor} gave {object} another key"), ["what", "before", "after"]
)
CAMERA_KEYS_SHARED = declare(
    "keys.shared", _("{actor} sealed {count} keys of cameras to {object}"), ["cameras"]
)
HOLDER_MADE = declare(
    "keys.holder-made", _("{actor} made {object} a holder of the keys"), ["before", "after"]
)
HOLDER_ENDED = declare(
    "keys.holder-ended",
    _("{actor} ended that {object} holds the keys; the vault is to be renewed"),
    ["before", "after"],
)
SEALED_ANEW = declare(
    "keys.sealed-anew", _("{actor} sealed {count} key periods of a camera to its newest key")
)
AUTHORITY_MADE = declare(
    "keys.camera-authority", _("{actor} made an authority for the cameras of {object}: {fingerprint}")
)
