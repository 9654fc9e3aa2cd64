"""Writes docs/refusals.md anew: `python -m tests.isolation`."""

from tests import environment

environment.prepare()

import django  # noqa: E402  settings come from the environment

django.setup()

from tests.isolation.refusals import PAGE, document  # noqa: E402

PAGE.write_text(document())
environment.remove()
