"""Django's settings, all from the environment (see `env.py` and docs/architecture.md)."""

from __future__ import annotations

import os
from pathlib import Path

from vsaas.common.redis_url import broker_url
from vsaas.settings.env import LOOPBACK, load, parse_database_url

ENV = load()
if ENV.metrics_dir is not None:
    Path(ENV.metrics_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = ENV.metrics_dir  # prometheus_client looks when it is imported
BASE_DIR = Path(__file__).resolve().parent.parent.parent

SECRET_KEY = ENV.secret_key.get_secret_value()
DEBUG = ENV.debug
# Health is asked on the machine itself, under its own name.
ALLOWED_HOSTS = [*ENV.allowed_hosts, *sorted(LOOPBACK)]
# Under these names alone, plain HTTP is answered (vsaas.common.security).
PLAIN_HTTP_HOSTS = set(LOOPBACK)
ROOT_URLCONF = "vsaas.urls"
ASGI_APPLICATION = "vsaas.live.asgi.application"
TENANTS_CONSUMER_ROUTING = "vsaas.live.routing"
TENANTS_CELERY_APP = "vsaas.celery:app"

INSTALLED_APPS = [
    "vsaas.common",
    "tenants",
    "vsaas.accounts",
    "vsaas.approvals",
    "vsaas.audit",
    "vsaas.mail",
    "vsaas.keys",
    "vsaas.installation",
    "vsaas.agents",
    "vsaas.cameras",
    "vsaas.alarms",
    "vsaas.footage",
    "vsaas.live",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.staticfiles",
    "django_otp",
    "rest_framework",
    "channels",
]

MIDDLEWARE = [
    "vsaas.common.logs.RequestLogMiddleware",
    "vsaas.common.security.SecurityHeadersMiddleware",
    "vsaas.common.security.PlainHttpMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
    "tenants.middleware.TenantMiddleware",
    "vsaas.accounts.sessions.TenantSessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "vsaas.accounts.middleware.ActorMiddleware",
    "vsaas.accounts.language.LanguageMiddleware",
    "vsaas.accounts.stepping_up.FreshFactorMiddleware",
    "vsaas.common.problems.AccessMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "vsaas" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "vsaas.common.context.portal",
            ],
        },
    }
]

DATABASES = {
    "default": parse_database_url(ENV.database_url.get_secret_value()),
    "keys": parse_database_url(ENV.keys_database_url.get_secret_value()),
}
if ENV.maint_database_url is not None:
    DATABASES["maint"] = parse_database_url(ENV.maint_database_url.get_secret_value())
DATABASE_ROUTERS = ["vsaas.settings.router.KeyStoreRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Accounts
AUTH_USER_MODEL = "accounts.Account"
AUTHENTICATION_BACKENDS = ["vsaas.accounts.backend.TenantBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
SILENCED_SYSTEM_CHECKS = [
    "auth.W004",  # an e-mail address is unique within a tenant, not alone; TenantBackend looks it up in the tenant's scope
    # What Django's SecurityMiddleware, XFrameOptionsMiddleware and cookie settings do, vsaas.common.security does, and
    # vsaas.installation grades it.
    *(f"security.W{number:03}" for number in (1, 2, 3, 4, 8, 9, 12, 16)),
]
OTP_TOTP_ISSUER = "VSaaS"

# Cookies. SESSION_COOKIE_NAME is the prefix of one cookie per tenant (vsaas.accounts.sessions).
SESSION_COOKIE_NAME = "vsaas_s_"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not ENV.insecure_cookies
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 7 * 24 * 3600
SESSION_IDLE_S = 8 * 3600
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
CSRF_COOKIE_NAME = "vsaas_csrf"
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_HTTPONLY = False  # the browser's script reads it for the X-CSRFToken header
CSRF_FAILURE_VIEW = "vsaas.common.problems.csrf_failure"
CSRF_TRUSTED_ORIGINS = [ENV.public_url]

# Behind a front that ends TLS, the front sets this header (docs/production.md).
if ENV.https:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

DATA_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024
FILE_UPLOAD_HANDLERS: list[str] = []

# Each under its own name, which is never translated. What one wishes for: vsaas.accounts.language.
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LANGUAGE_CODE = "en"
LANGUAGE_COOKIE_NAME = "vsaas_language"
LOCALE_PATHS = [BASE_DIR / "vsaas" / "locale"]
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = None  # WhiteNoise serves what the finders find; nothing is collected
STATICFILES_DIRS = [
    path for path in (BASE_DIR / "vsaas" / "static", BASE_DIR / "frontend" / "dist") if path.is_dir()
]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "vsaas.common.api_auth.PortalToken",
        "vsaas.common.api_auth.PortalSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["vsaas.common.api_auth.Declared"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "vsaas.common.problems.drf_handler",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "vsaas.common.openapi.ApiSchema",
}

SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "Video management API",
    "VERSION": "1",  # of the API, as in its path; the product has its own
    "SERVERS": [{"url": ENV.public_url}],
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SORT_OPERATIONS": False,
    "POSTPROCESSING_HOOKS": ["vsaas.common.openapi.finish"],
}

CELERY_BROKER_URL = broker_url(ENV.redis_url.get_secret_value())
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 600
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,  # above the time limit, or a slow task would run twice
    "unacked_restore_interval": 10,  # a dead worker's tasks come back in seconds, not minutes:
    "unacked_restore_throttle": 1,  # looked for at each interval, not at every tenth
    "global_keyprefix": "vsaas.celery.",
}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Each app with periodic work names it in `beat_schedule` of its tasks module.
CELERY_BEAT_SCHEDULE: dict[str, dict[str, object]] = {}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "vsaas.common.logs.formatter", "kind": ENV.log_format}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": ENV.log_level},
    "loggers": {
        "django": {"handlers": [], "level": ENV.log_level, "propagate": True},
        # uvicorn brings handlers of its own, whose lines nobody looks through for secrets. Its access log, with paths
        # in it, is switched off where it is started: requests are logged by vsaas.common.logs.
        **{name: {"handlers": [], "propagate": True} for name in ("uvicorn", "uvicorn.error")},
        # A task that runs each second would otherwise fill the log with its successes.
        **{
            name: {"level": "WARNING"}
            for name in ("celery.app.trace", "celery.beat", "celery.worker.strategy")
        },
    },
}
