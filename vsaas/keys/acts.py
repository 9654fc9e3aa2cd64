"""What is audited about keys."""

from vsaas.audit.acts import declare

KEYS_MADE = declare("keys.made", "{actor} made the keys of {object}, root {fingerprint}")
KEYS_RELEASED = declare("keys.released", "{actor} received {count} keys of a camera's recordings")
KEY_STORE_COPIED = declare("keys.copied", "{actor} copied the key store into a backup")
KEY_STORE_RESTORED = declare("keys.restored", "{actor} restored everything from the backup of {made}")
