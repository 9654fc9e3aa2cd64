#!/usr/bin/env python
"""Commands of the portal.

Settings come from the environment. Where `make up` runs everything on one machine, they stand in
`var/secrets/portal.env` (VSAAS_ENV_FILE names another file); what the environment says counts more.
"""

import os
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

ENV_FILE = Path(__file__).resolve().parent / "var" / "secrets" / "portal.env"


def read_settings(path: Path) -> None:
    """NAME=value lines into the environment, where the name is not set there."""
    for line in path.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals:
            os.environ.setdefault(name, value)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vsaas.settings")
    env_file = Path(os.environ.get("VSAAS_ENV_FILE", ENV_FILE))
    try:
        if "VSAAS_ENV_FILE" in os.environ or env_file.exists():
            read_settings(env_file)
    except OSError as error:
        sys.exit(f"cannot read the settings in {env_file}: {error.strerror}")
    # Commands come and go: each would leave files of figures behind.
    os.environ.pop("VSAAS_METRICS_DIR", None)
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"{error}")
