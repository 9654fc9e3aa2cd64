"""A benchmark in a process of its own, with databases of its own: what it prints on its last line are the rows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.row import Row

ROOT = Path(__file__).resolve().parent.parent.parent


def rows_of(module: str) -> list[Row]:
    """Runs `python -m module` and reads its rows."""
    done = subprocess.run([sys.executable, "-m", module], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return [Row(**row) for row in json.loads(done.stdout.splitlines()[-1])]


@contextmanager
def databases() -> Iterator[None]:
    """Inside that process: Django set up, on new databases that go afterwards."""
    from tests import environment, services

    environment.prepare()
    import django

    django.setup()
    from django.conf import settings

    from vsaas.audit import signer
    from vsaas.keys.kms import create_key_file, key_file_of

    settings.PLAIN_HTTP_HOSTS.add("testserver")  # the name Django's test client asks for
    services.hold_run()
    try:
        services.ensure("database")
        server = environment.postgres()
        for name, template in zip(environment.databases(), services.TEMPLATES, strict=True):
            server.create_database(name, template)
        signer.create_key_file(Path(settings.ENV.audit_key))
        create_key_file(key_file_of(settings.ENV.kms))  # no process of the cloud starts without it
        yield
    finally:
        from django.db import connections

        connections.close_all()
        services.end_run()
        environment.remove()
