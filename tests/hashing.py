"""Argon2id as the portal's, at a strength that costs nothing: thousands of sign-ins do not each take a fifth of a second.

Which strength the portal's own settings have, `tests/accounts/test_password_hashes.py` holds.
"""

from django.contrib.auth.hashers import Argon2PasswordHasher


class QuickArgon2(Argon2PasswordHasher):
    """One pass over 64 KiB in one lane; Django's is two over 100 MiB in eight."""

    time_cost = 1
    memory_cost = 64
    parallelism = 1
