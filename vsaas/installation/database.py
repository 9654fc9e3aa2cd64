"""What the databases themselves say: the roles the portal works with, how it is connected, and what time it is there."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections
from psycopg_pool import PoolTimeout

from vsaas.common import clock
from vsaas.installation.finding import Finding, bad, good, weak
from vsaas.settings.env import LOOPBACK
from vsaas.startup import check_role

CLOCK_GOOD_S, CLOCK_WEAK_S = 1.0, 30.0
NAMES = {"default": "main database", "keys": "key store"}


def findings() -> list[Finding]:
    """Per database: role and connection; then the clock. A database that cannot be asked is a finding, not an error."""
    found: list[Finding] = []
    for alias in NAMES:
        found += [_role(alias), _connection(alias)]
    return [*found, _clock()]


def _role(alias: str) -> Finding:
    name, what = f"database.{alias}.role", f"role in the {NAMES[alias]}"
    try:
        check_role(alias)
    except ImproperlyConfigured as error:
        remedy = "use the role vsaas_app, which owns nothing (docs/production.md)"
        return bad(name, what, str(error).removeprefix("cannot start: "), remedy)
    return good(name, what, "bound by row-level security")


def _connection(alias: str) -> Finding:
    name, what = f"database.{alias}.connection", f"connection to the {NAMES[alias]}"
    host = settings.DATABASES[alias]["HOST"]
    if not host or host.startswith("/"):
        return good(name, what, "a unix socket")
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            encrypted, version = cursor.fetchone() or (False, None)
    except (DatabaseError, PoolTimeout) as error:
        return _silent(name, what, error)
    if host in LOOPBACK:
        return good(name, what, "on this machine")
    if not encrypted:
        return bad(
            name,
            what,
            "not encrypted: names, rights and sealed keys can be read on the way",
            "add ?sslmode=verify-full&sslrootcert=… to the database's URL",
        )
    if settings.DATABASES[alias]["OPTIONS"].get("sslmode") != "verify-full":
        return weak(
            name,
            what,
            f"encrypted ({version}), and whoever stands between may pretend to be the database",
            "add ?sslmode=verify-full&sslrootcert=… to the database's URL",
        )
    return good(name, what, f"encrypted and verified ({version})")


def _clock() -> Finding:
    name, what = "clock", "clock against the database's"
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
            theirs_s = float(cursor.fetchone()[0])
    except (DatabaseError, PoolTimeout) as error:
        return _silent(name, what, error)
    offset_s = clock.now().timestamp() - theirs_s
    if abs(offset_s) < CLOCK_GOOD_S:
        return good(name, what, f"{offset_s:+.2f} s")
    remedy = "let both machines set their clocks by NTP (timedatectl set-ntp true)"
    grade = weak if abs(offset_s) < CLOCK_WEAK_S else bad
    return grade(name, what, f"{offset_s:+.1f} s: links, grants and approvals end at the wrong time", remedy)


def _silent(name: str, what: str, error: Exception) -> Finding:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return bad(
        name, what, f"the database cannot be asked: {reason}", "manage.py health says which part is down"
    )
