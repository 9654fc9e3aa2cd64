"""The portal's own settings and the files it reads."""

from __future__ import annotations

import math
import stat
import string
from pathlib import Path
from typing import Any

from vsaas.audit.signer import AuditKeyError, check_key_file
from vsaas.common.security import HSTS, SecurityHeadersMiddleware
from vsaas.installation.finding import Finding, bad, good, weak
from vsaas.keys.errors import KmsError
from vsaas.keys.kms import KeyFileKms, key_file_of
from vsaas.settings.env import LOOPBACK, Environment

SECRET_BITS_GOOD = 256
ALPHABETS = (
    "0123456789abcdef",
    "0123456789ABCDEF",
    string.ascii_lowercase + string.digits,
    string.ascii_letters + string.digits,
    string.ascii_letters + string.digits + "-_",
    string.ascii_letters + string.digits + "+/=",
)
METRICS_TOKEN_CHARS = 32
DUMPS = ("*.dump", "*.sql", "*.sql.*", "*.tar", "*.tar.*", "*.tgz", "*.backup", "*.vsaas*")


def findings(env: Environment, settings: Any) -> list[Finding]:
    """Everything the settings and the files they name tell. Asks no other process."""
    return [
        _debug(settings),
        _secret(env),
        _cookies(settings),
        _hsts(env),
        _key_file(env),
        _audit_key(env),
        _metrics(env),
        _log(env),
    ]


def _debug(settings: Any) -> Finding:
    if settings.DEBUG:
        return bad("debug", "DEBUG", "on: error pages show settings and code", "unset VSAAS_DEBUG")
    return good("debug", "DEBUG", "off")


def _secret(env: Environment) -> Finding:
    name, what = "secret-key", "secret key"
    secret = env.secret_key.get_secret_value()
    remedy = "make one with `openssl rand -base64 48`; people then set their second factor up anew"
    if len(set(secret)) < 12:
        return bad(name, what, f"{len(set(secret))} different characters: it can be guessed", remedy)
    bits = _bits(secret)
    if bits < SECRET_BITS_GOOD:
        return weak(name, what, f"{bits} bits at most, fewer than {SECRET_BITS_GOOD}", remedy)
    return good(name, what, f"{bits} bits if it was made at random")


def _bits(secret: str) -> int:
    """What a random text of these characters holds: their number times the bits of each, by the smallest alphabet that has
    them all."""
    size = next((len(one) for one in ALPHABETS if set(secret) <= set(one)), len(string.printable) - 6)
    return int(len(secret) * math.log2(size))


def _cookies(settings: Any) -> Finding:
    name, what = "cookies", "cookies"
    if not (settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE):
        return weak(
            name,
            what,
            "sent over plain http too; the settings allow that on this machine alone",
            "serve the portal over https and unset VSAAS_INSECURE_COOKIES",
        )
    return good(name, what, "Secure, HttpOnly, SameSite")


def _hsts(env: Environment) -> Finding:
    name, what = "hsts", "HSTS"
    sent = SecurityHeadersMiddleware(lambda request: None).headers  # type: ignore[arg-type,return-value]
    if HSTS in sent:
        return good(name, what, sent[HSTS])
    if env.https:
        return weak(
            name,
            what,
            "not sent, since the certificate is of an authority of your own",
            "use a certificate of a public authority where people come from the internet, and unset VSAAS_CA_FILE",
        )
    return weak(name, what, "not sent: the portal is plain http", "serve the portal over https")


def _key_file(env: Environment) -> Finding:
    name, what = "key-file", "key file of the tenants' keys"
    try:
        path = key_file_of(env.kms)
        KeyFileKms(path)
    except KmsError as error:
        return bad(name, what, str(error), "mend what is named; without it no recording can be opened")
    return _place(name, what, path) or good(name, what, "whole, only its owner may read it")


def _place(name: str, what: str, path: Path) -> Finding | None:
    """What is wrong with the folder of a key."""
    folder = path.resolve().parent
    if stat.S_IMODE(folder.stat().st_mode) & 0o022:
        return bad(
            name,
            what,
            f"others may write in its folder {folder}, and so put another file in its place",
            f"chmod go-w {folder}",
        )
    beside = sorted(found.name for pattern in DUMPS for found in folder.glob(pattern))
    if beside:
        return bad(
            name,
            what,
            f"lies beside what looks like a backup ({beside[0]}): whoever takes the folder has both",
            f"keep backups elsewhere than {folder}",
        )
    return None


def _audit_key(env: Environment) -> Finding:
    name, what = "audit-key", "key of the audit log"
    if env.audit_key is None:
        return weak(
            name,
            what,
            "VSAAS_AUDIT_KEY is not set here (only the worker needs it)",
            "make sure the worker has it (manage.py audit_init); without it an end cut off the log is not noticed",
        )
    path = Path(env.audit_key)
    try:
        check_key_file(path)
    except AuditKeyError as error:
        return bad(name, what, str(error), "mend what is named; until then the log's end is not signed")
    if path.resolve().parent == key_file_of(env.kms).resolve().parent:
        return weak(
            name,
            what,
            "lies beside the key file of the tenants' keys, so whoever can change the portal can sign for the log",
            "give the worker a user and a folder of its own for VSAAS_AUDIT_KEY",
        )
    return _place(name, what, path) or good(name, what, "apart, only its owner may read it")


def _metrics(env: Environment) -> Finding:
    name, what = "metrics", "figures (/metrics)"
    if env.metrics_token_file is None:
        return good(name, what, "given to nobody")
    path = Path(env.metrics_token_file)
    try:
        mode, token = stat.S_IMODE(path.stat().st_mode), path.read_text().strip()
    except OSError as error:
        return bad(name, what, f"the token cannot be read: {error.strerror}", f"mend {path}")
    if mode & 0o007:
        return bad(name, what, "everybody on the machine may read the token", f"chmod 640 {path}")
    if len(token) < METRICS_TOKEN_CHARS:
        return weak(name, what, f"a token of {len(token)} characters", f"openssl rand -hex 32 > {path}")
    return good(name, what, "opened by a token")


def _log(env: Environment) -> Finding:
    name, what = "log", "log"
    if env.log_level == "DEBUG":
        return weak(name, what, "DEBUG: more of people's doings than is needed", "set VSAAS_LOG_LEVEL=INFO")
    if env.log_format == "text" and not _alone(env):
        return weak(name, what, "text, which no log server takes apart safely", "set VSAAS_LOG_FORMAT=json")
    return good(name, what, f"{env.log_level}, {env.log_format}")


def _alone(env: Environment) -> bool:
    """Whether this is a system on one machine, reached from it alone."""
    return any(f"//{host}" in env.public_url for host in LOOPBACK)
