"""The portal's settings as they are, but for two things that are slow a thousand times over: `tests.hashing`, `tests.static_files`."""

from vsaas import settings
from vsaas.settings import *  # noqa: F403

PASSWORD_HASHERS = ["tests.hashing.QuickArgon2"]
MIDDLEWARE = [
    "tests.static_files.SharedWhiteNoise" if name == "whitenoise.middleware.WhiteNoiseMiddleware" else name
    for name in settings.MIDDLEWARE
]
