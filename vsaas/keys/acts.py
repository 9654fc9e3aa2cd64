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
