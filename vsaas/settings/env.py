"""The environment, typed and validated. Nothing secret has a default."""

from __future__ import annotations

import re
from email.utils import parseaddr
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.core.exceptions import ValidationError as WrongAddress
from django.core.validators import validate_email
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from vsaas.common.smtp_url import parse_smtp_url

PREFIX = "VSAAS_"
POOL = {"min_size": 1, "max_size": 12, "timeout": 10}
_CONTACT = re.compile(r"(mailto:[!-~]+@[!-~]+|https://[!-~]+)")
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Environment(BaseSettings):
    """Every setting of the portal, by its name without `VSAAS_`. See docs/architecture.md for what each means."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    secret_key: SecretStr = Field(min_length=32)
    public_url: str
    live_url: str
    database_url: SecretStr
    keys_database_url: SecretStr
    owner_database_url: SecretStr | None = None
    owner_keys_database_url: SecretStr | None = None
    maint_database_url: SecretStr | None = None
    redis_url: SecretStr
    s3_endpoint: str
    s3_public_endpoint: str
    s3_region: str
    s3_bucket: str
    s3_access_key: str
    s3_secret_key: SecretStr
    kms: str
    audit_key: str | None = None
    audit_private_targets: bool = False
    audit_platform_years: int = Field(default=2, ge=1, le=10)
    audit_platform_syslog: str | None = None
    audit_platform_format: Literal["syslog", "cef"] = "syslog"
    audit_platform_ca_file: str | None = None
    allowed_hosts: Annotated[list[str], NoDecode] = Field(min_length=1)
    debug: bool = False
    insecure_cookies: bool = False
    api_requests_per_minute: int = Field(default=600, ge=1, le=1_000_000)
    password_runs_days: int = Field(default=90, ge=1, le=3650)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    metrics_dir: str | None = None
    metrics_token_file: str | None = None
    ca_file: str | None = None
    agent_packages: str | None = None
    smtp_url: str | None = None
    smtp_password_file: str | None = None
    mail_from: str | None = None
    mail_outbox_page: bool = False
    security_contact: str | None = None
    factor_plugins: Annotated[list[str], NoDecode] = []

    @field_validator("allowed_hosts", "factor_plugins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return [host.strip() for host in value.split(",") if host.strip()]
        return value

    @field_validator("public_url", "s3_endpoint", "s3_public_endpoint")
    @classmethod
    def _http(cls, value: str) -> str:
        return _address(value, ("http", "https"))

    @field_validator("live_url")
    @classmethod
    def _ws(cls, value: str) -> str:
        return _address(value, ("ws", "wss"))

    @field_validator("database_url", "keys_database_url", "owner_database_url", "owner_keys_database_url",
                     "maint_database_url")  # fmt: skip
    @classmethod
    def _database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_database_url(value.get_secret_value())
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: SecretStr) -> SecretStr:
        if urlsplit(value.get_secret_value()).scheme not in ("unix", "redis", "rediss"):
            raise ValueError("write unix:///path/to.sock or redis://:password@host")
        return value

    @field_validator("kms")
    @classmethod
    def _kms(cls, value: str) -> str:
        scheme, _, path = value.partition(":")
        if scheme != "keyfile" or not path:
            raise ValueError("write keyfile:PATH")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _smtp(cls, value: str | None) -> str | None:
        if value is not None:
            parse_smtp_url(value)
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                validate_email(parseaddr(value)[1])
            except WrongAddress:
                raise ValueError("write an e-mail address, or Name <name@example.com>") from None
        return value

    @field_validator("security_contact")
    @classmethod
    def _contact(cls, value: str | None) -> str | None:
        if value is not None and not _CONTACT.fullmatch(value):
            raise ValueError("write mailto:name@example.com or https://host/page, as RFC 9116 wants it")
        return value

    @field_validator("audit_platform_syslog")
    @classmethod
    def _receiver(cls, value: str | None) -> str | None:
        if value is not None:
            parts = urlsplit(f"//{value}")
            if not parts.hostname or parts.netloc != value or parts.username is not None or parts.port == 0:
                raise ValueError("write host:port, such as siem.example.com:6514")
        return value

    @field_validator("metrics_dir", "metrics_token_file", "ca_file", "smtp_password_file", "audit_key",
                     "audit_platform_ca_file", "agent_packages")  # fmt: skip
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("/"):
            raise ValueError("write an absolute path")
        return value

    @model_validator(mode="after")
    def _safe_together(self) -> Environment:
        host = urlsplit(self.public_url).hostname
        if self.debug and host not in LOOPBACK:
            raise ValueError("VSAAS_DEBUG must be off when VSAAS_PUBLIC_URL is not a loopback address")
        if self.insecure_cookies and host not in LOOPBACK:
            raise ValueError("VSAAS_INSECURE_COOKIES is for plain http on a loopback address only")
        if not self.https and not self.insecure_cookies:
            raise ValueError(
                "VSAAS_PUBLIC_URL is plain http: use https, or VSAAS_INSECURE_COOKIES=1 on loopback"
            )
        for name, value in (("LIVE_URL", self.live_url), ("S3_PUBLIC_ENDPOINT", self.s3_public_endpoint)):
            if self.https and not value.startswith(("https://", "wss://")):
                raise ValueError(
                    f"VSAAS_{name} is not encrypted and VSAAS_PUBLIC_URL is https: browsers refuse to load one from the other"
                )
        if (self.owner_database_url is None) != (self.owner_keys_database_url is None):
            raise ValueError(
                "set VSAAS_OWNER_DATABASE_URL and VSAAS_OWNER_KEYS_DATABASE_URL together, or neither"
            )
        return self

    @model_validator(mode="after")
    def _mail_together(self) -> Environment:
        if (self.smtp_url is None) != (self.mail_from is None):
            raise ValueError("set VSAAS_SMTP_URL and VSAAS_MAIL_FROM together, or neither")
        user = parse_smtp_url(self.smtp_url).user if self.smtp_url else ""
        if bool(user) != (self.smtp_password_file is not None):
            raise ValueError("set VSAAS_SMTP_PASSWORD_FILE where VSAAS_SMTP_URL names a user, and only there")
        if self.mail_outbox_page and urlsplit(self.public_url).hostname not in LOOPBACK:
            raise ValueError(
                "VSAAS_MAIL_OUTBOX_PAGE shows links that open accounts: it is for a loopback address only"
            )
        if self.mail_outbox_page and self.smtp_url is not None:
            raise ValueError("VSAAS_MAIL_OUTBOX_PAGE is for a portal without a mail server (VSAAS_SMTP_URL)")
        return self

    @property
    def https(self) -> bool:
        """Whether people reach the portal over https."""
        return self.public_url.startswith("https://")


def _address(value: str, schemes: tuple[str, ...]) -> str:
    parts = urlsplit(value)
    if parts.scheme not in schemes or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError(f"write {' or '.join(s + '://host[:port]' for s in schemes)}, without a path")
    return value.rstrip("/")


def load() -> Environment:
    """Read the environment, or raise ImproperlyConfigured with every missing and every wrong name at once."""
    try:
        return Environment()  # type: ignore[call-arg]
    except ValidationError as error:
        raise ImproperlyConfigured(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    missing, wrong = [], []
    for entry in error.errors(include_input=False, include_url=False, include_context=False):
        name = PREFIX + str(entry["loc"][0]).upper() if entry["loc"] else ""
        if entry["type"] == "missing":
            missing.append(name)
        else:
            wrong.append(f"{name}: {entry['msg']}".removeprefix(": ").replace("Value error, ", ""))
    sentences = []
    if missing:
        sentences.append(f"these settings are missing from the environment: {', '.join(sorted(missing))}")
    if wrong:
        sentences.append(f"these settings are wrong: {'; '.join(wrong)}")
    return "cannot start: " + "; ".join(sentences) + " (docs/architecture.md says what each is)"


def parse_database_url(url: str) -> dict[str, Any]:
    """Django's database settings of `postgresql://role:password@host:port/db` or `…@/db?host=/run/dir` (a socket)."""
    parts = urlsplit(url)
    query = {
        key: values[-1] for key, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()
    }
    if parts.scheme not in ("postgresql", "postgres") or not parts.username or len(parts.path) < 2:
        raise ValueError(
            "write postgresql://role:password@host:port/db, or …@/db?host=/run/dir for a unix socket"
        )
    host = query.pop("host", None) or parts.hostname or ""
    port = query.pop("port", None) or (str(parts.port) if parts.port else "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": port,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
        # Under ASGI each request runs on a thread of its own, so connections are kept by a pool of the process.
        "OPTIONS": {"application_name": "vsaas", "pool": dict(POOL), **query},
        "TEST": {"NAME": None},
    }
