"""`manage.py health`: asks every part, and worker and beat; exit status 0 when all answer."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

import redis
from django.core.management.base import BaseCommand

from vsaas.common import health

PROCESSES = (health.WORKER, health.BEAT)


class Command(BaseCommand):
    """For supervisors of worker and beat, which have no address, and for people."""

    help = (
        "Asks database, key store, Redis and bucket, and for the last sign of life of worker and beat. "
        "Exit status 1 when one does not answer."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        names = [*health.PARTS, *PROCESSES]
        parser.add_argument("part", nargs="*", help=f"only these: {', '.join(names)} (default: all)")
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = options["part"] or [*health.PARTS, *PROCESSES]
        unknown = set(wanted) - {*health.PARTS, *PROCESSES}
        if unknown:
            self.stderr.write(f"there is no part {', '.join(sorted(unknown))}")
            sys.exit(2)
        parts = [name for name in wanted if name in health.PARTS]
        troubles = health.Readiness(parts).troubles() if parts else {}
        for name in PROCESSES:
            if name in wanted and (why := silence_of(name)):
                troubles[name] = why
        if options["json"]:
            self.stdout.write(json.dumps({name: troubles.get(name) for name in wanted}))
        else:
            for name in wanted:
                self.stdout.write(f"{name}: {troubles.get(name, 'well')}")
        if troubles:
            sys.exit(1)


def silence_of(name: str) -> str:
    """Why worker or beat counts as silent, or "" when it does not."""
    try:
        seconds = health.silent_s(name)
    except redis.RedisError as error:
        return f"Redis does not tell: {error}"
    if seconds is None:
        return "no sign of life yet"
    return f"no sign of life for {seconds:.0f} s" if seconds > health.SILENT_S else ""
