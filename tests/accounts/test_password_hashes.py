"""The strength of the password hashes people's accounts have; the tests themselves sign in with weaker ones."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.live_hub import ROOT

HASH = """
import django
django.setup()
from django.contrib.auth.hashers import make_password
print(make_password("correct horse battery 7 staple"))
"""


def test_the_portals_own_settings_hash_with_argon2id_over_100_mib() -> None:
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "vsaas.settings"}
    made = subprocess.run([sys.executable, "-c", HASH], cwd=ROOT, env=env, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("argon2$argon2id$v=19$m=102400,t=2,p=8$"), made.stdout
