"""The one settings file, read from the environment.

With ``SECRET_KEY`` set the project runs in production mode. Without it, it is a trial on this
machine: secrets are made once and kept under ``var/``.
"""

import json
import os
import secrets
import tempfile
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import environ
from celery.schedules import crontab
from cryptography.fernet import Fernet
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from js_asset import static_lazy

from services.callout import allow_callout

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

VAR_DIR = Path(env.str("SPA_VAR_DIR", default=str(BASE_DIR / "var")))
PRODUCTION = bool(env.str("SECRET_KEY", default=""))
DEMO = not PRODUCTION
PRODUCTION_NEEDS = (
    "SECRET_KEY",
    "HEALTH_KEYS",
    "ALLOWED_HOSTS",
    "SITE_URL",
    "DATABASE_URL",
    "REDIS_URL",
    "EMAIL_URL",
)


def _refuse_half_production() -> None:
    missing = [name for name in PRODUCTION_NEEDS if not os.environ.get(name)]
    if os.environ.get("EMAIL_PROVIDER") and "EMAIL_URL" in missing:
        missing.remove("EMAIL_URL")
    if missing:
        raise ImproperlyConfigured(
            f"SECRET_KEY is set, so this is production, and production also needs: "
            f"{', '.join(missing)}. Set them, or unset SECRET_KEY for a trial."
        )


def _trial_secrets() -> dict[str, Any]:
    """Return the trial's own secrets, made on first use and readable by this user only."""
    path = VAR_DIR / "secrets.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = {
            "SECRET_KEY": secrets.token_urlsafe(48),
            "HEALTH_KEYS": [Fernet.generate_key().decode()],
        }
        # Linked when it is whole: of two first commands at once, both must read the same keys.
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as unfinished:
            unfinished.write(json.dumps(fresh))
            unfinished.flush()
            try:
                os.link(unfinished.name, path)
            except FileExistsError:
                pass
    kept: dict[str, Any] = json.loads(path.read_text())
    return kept


if PRODUCTION:
    _refuse_half_production()
    SECRET_KEY = env.str("SECRET_KEY")
    HEALTH_KEYS = env.list("HEALTH_KEYS")
    ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
else:
    _trial = _trial_secrets()
    SECRET_KEY = _trial["SECRET_KEY"]
    HEALTH_KEYS = _trial["HEALTH_KEYS"]
    ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) or ["localhost", "127.0.0.1", "[::1]"]

# Its pages show the values of all variables: never in production.
DEBUG = DEMO and env.bool("DEBUG", default=False)


def _provider(name: str) -> str:
    """Return the mail backend of a provider; refuses a name that anymail does not know."""
    if not name.isidentifier() or find_spec(f"anymail.backends.{name}") is None:
        raise ImproperlyConfigured(
            f"EMAIL_PROVIDER is {name!r}, which django-anymail does not know: "
            "write it as in its documentation, for example postmark, mailgun or brevo."
        )
    return f"anymail.backends.{name}.EmailBackend"


def _one_of(name: str, usual: str, *, among: tuple[str, ...]) -> str:
    """Return a variable that has only these values."""
    given = env.str(name, default="") or usual
    if given not in among:
        raise ImproperlyConfigured(f"{name} is {given!r}, but must be {' or '.join(among)}.")
    return given


SITE_URL = (env.str("SITE_URL", default="") or "http://localhost:8000").rstrip("/")

INSTALLED_APPS = [
    "spa.admin_app.OwnersAdmin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sitemaps",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_htmx",
    "phonenumber_field",
    "reversion",
    "django_prose_editor",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "anymail",
    "services",
    "bookings",
]

MIDDLEWARE = [
    # First: what the others log belongs to the request too.
    "spa.request_ids.request_id",
    "spa.metrics.measure",
    # Before all that tells how long an answer is.
    "spa.middleware.heads_alone",
    # Before WhiteNoise, since a drawing that is opened by itself is a page too, and before whatever
    # answers by itself.
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "spa.middleware.permissions_policy",
    "django.middleware.security.SecurityMiddleware",
    "spa.bounds.bounded",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # The drawings are inline: pages shrink to a third. Form tokens are masked anew in every page.
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "spa.bounds.strangers_bounded",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "services.middleware.SpaMiddleware",
    "bookings.middleware.new_spa",
    "services.middleware.OldAddresses",
    "allauth.account.middleware.AccountMiddleware",
    "bookings.middleware.account_pages",
    "bookings.middleware.keep_sessions",
    "bookings.middleware.SecondFactor",
]

ROOT_URLCONF = "spa.urls"
WSGI_APPLICATION = "spa.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "services.context_processors.spa",
            ],
        },
    },
]


# Seconds; 0 is no limit. Who waits at a browser is better told soon, and what hangs must not keep
# others waiting; commands, migrations and the worker have work that takes longer (see spa.wsgi).
FOR_PAGES = bool(env.str("SPA_SERVES_PAGES", default=""))
STATEMENT_SECONDS = env.float("DB_STATEMENT_SECONDS", default=10) if FOR_PAGES else 900
LOCK_SECONDS = env.float("DB_LOCK_SECONDS", default=4) if FOR_PAGES else 30
IDLE_IN_TRANSACTION_SECONDS = env.float("DB_IDLE_SECONDS", default=20) if FOR_PAGES else 900
# Who asks for the figures of years, or for everything as a file, waits for it knowingly.
REPORT_SECONDS = env.float("DB_REPORT_SECONDS", default=60)
CONNECT_SECONDS = 3


def _timeouts() -> dict[str, Any]:
    """Return what libpq and PostgreSQL have to know about how long anything may take."""
    limits = {
        "statement_timeout": STATEMENT_SECONDS,
        "lock_timeout": LOCK_SECONDS,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_SECONDS,
    }
    said = " ".join(f"-c {name}={limit * 1000:.0f}" for name, limit in limits.items() if limit)
    return {
        "connect_timeout": CONNECT_SECONDS,
        # A server that has vanished from the network answers nothing at all.
        "tcp_user_timeout": 20_000,
        **({"options": said} if said else {}),
    }


def _database(url: str) -> dict[str, Any]:
    """Return Django's settings for a database address; a socket folder is given by ``?host=``."""
    parsed: dict[str, Any] = env.db_url_config(url)
    given = parsed.get("OPTIONS", {})
    host = given.pop("host", None)
    return {
        **parsed,
        "OPTIONS": {**_timeouts(), **given},
        "HOST": host or parsed["HOST"],
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


# Commands that use no database start no embedded server and leave the address unset.
_database_url = env.str("DATABASE_URL", default="")
DATABASES: dict[str, Any] = {"default": _database(_database_url)} if _database_url else {}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
    }
}
SESSION_ENGINE = "spa.sessions"
# A working day: the desk signs in once each morning, and a screen that was left open over night is
# closed by then. Each time somebody does something it starts anew (bookings.middleware).
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SECURE = PRODUCTION
# Scripts take the token from the page.
CSRF_COOKIE_HTTPONLY = True

SECURE_SSL_REDIRECT = PRODUCTION and env.bool("SSL_REDIRECT", default=True)
# Probes ask from inside, without TLS and without the proxy's header.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PRODUCTION else None
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_CONTENT_TYPE_NOSNIFF = True
# The address of a visit page is a secret: no other site may learn it from a link.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS = [SITE_URL] if PRODUCTION else []
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
PERMISSIONS_POLICY = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# The one way in: whoever signs in passes the rate limits and the second factor.
AUTHENTICATION_BACKENDS = ["bookings.backends.Backend"]
LOGIN_URL = "account_login"
# Shared desks: after one person has signed out, the next one signs in.
LOGOUT_REDIRECT_URL = "account_login"

ACCOUNT_ADAPTER = "bookings.adapters.AccountAdapter"
# The name is for people whom "manage.py createsuperuser" made without an address.
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
# Mail is not always there in three minutes.
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = int(timedelta(minutes=10).total_seconds())
# See bookings.views.accounts.another_code.
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if PRODUCTION else "http"
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# Anybody can have a mail sent to any address here: three at once must do, and a few in an hour.
ACCOUNT_RATE_LIMITS = {
    "request_login_code": "20/m/ip,3/m/key,10/h/key",
    "reset_password": "20/m/ip,3/m/key,5/h/key",
}
ACCOUNT_FORMS = {
    "login": "bookings.forms.accounts.LoginForm",
    "request_login_code": "bookings.forms.accounts.RequestCodeForm",
    "confirm_login_code": "bookings.forms.accounts.MailedCodeForm",
    "reset_password": "bookings.forms.accounts.ResetPasswordForm",
    "reset_password_from_key": "bookings.forms.accounts.NewPasswordForm",
    "change_password": "bookings.forms.accounts.ChangePasswordForm",
    "set_password": "bookings.forms.accounts.FirstPasswordForm",
    "add_email": "bookings.forms.accounts.ChangeEmailForm",
    "reauthenticate": "bookings.forms.accounts.ConfirmPasswordForm",
}

# Staff see health data: a password alone must not open it. A trial goes without.
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", default=PRODUCTION)
MFA_ADAPTER = "bookings.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# A passkey asks for the finger, the face or the PIN each time: so it is both factors in one.
MFA_WEBAUTHN_USER_VERIFICATION = "required"
# Clocks of telephones differ by some seconds, and typing takes some.
MFA_TOTP_TOLERANCE = 1
# allauth forbids both while an address is unconfirmed, against people who sign up with somebody
# else's. Nobody signs up here, and staff could never change their address.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_FORMS = {
    "authenticate": "bookings.forms.second_factor.CodeForm",
    "reauthenticate": "bookings.forms.second_factor.ConfirmCodeForm",
    "activate_totp": "bookings.forms.second_factor.FirstCodeForm",
    "add_webauthn": "bookings.forms.second_factor.NewPasskeyForm",
    "edit_webauthn": "bookings.forms.second_factor.RenamePasskeyForm",
    "login_webauthn": "bookings.forms.second_factor.PasskeyLoginForm",
    "authenticate_webauthn": "bookings.forms.second_factor.PasskeyForm",
    "reauthenticate_webauthn": "bookings.forms.second_factor.ConfirmPasskeyForm",
}
# Whom the rate limits count: behind a proxy every request seems to come from it. The last address
# of X-Forwarded-For is the one that our own proxy has seen.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXIES", default=1 if PRODUCTION else 0)

# Whom nobody counts: the spa's own line, at whose tablet clients book one after another.
UNLIMITED_ADDRESSES = env.list(
    "UNLIMITED_ADDRESSES", default=[] if PRODUCTION else ["127.0.0.0/8", "::1/128"]
)

LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
# Only the fallback: every page and message is shown in the zone of the spa's profile.
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "spa.formats"

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_URL = "/media/"
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=str(VAR_DIR / "media")))
# Where nightly backups go; none are taken where it is unset.
BACKUP_DIR = Path(env.str("BACKUP_DIR")) if env.str("BACKUP_DIR", default="") else None
# The largest file is a photo of 15 MB. The longest form of text is a treatment's page.
MOST_BODY = 16 * 1024**2
# Of a form without files, as deploy/Caddyfile has it too.
MOST_TEXT = 3_000_000
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024**2
DATA_UPLOAD_MAX_NUMBER_FILES = 10
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "spa.static.StaticStorage"},
}

DJANGO_PROSE_EDITOR_EXTENSIONS = [
    {"js": [static_lazy("js/admin/callout.js")], "extensions": {"Callout": allow_callout}},
]

CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"
PHONENUMBER_DEFAULT_REGION = env.str("PHONE_REGION", default="GB")

# Where a trial keeps the mail that it would send; read it at /demo/mail/.
DEMO_MAIL_DIR = VAR_DIR / "mail"
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="hello@qi-spa.example")
EMAIL_TIMEOUT = 10
# A provider's own interface, by its name in django-anymail; its keys are the variables ANYMAIL_….
EMAIL_PROVIDER = env.str("EMAIL_PROVIDER", default="")
ANYMAIL: dict[str, Any] = {
    "REQUESTS_TIMEOUT": EMAIL_TIMEOUT,
    **{
        name.removeprefix("ANYMAIL_"): value
        for name, value in os.environ.items()
        if name.startswith("ANYMAIL_")
    },
}
if EMAIL_PROVIDER:
    EMAIL_BACKEND = _provider(EMAIL_PROVIDER)
elif env.str("EMAIL_URL", default=""):
    vars().update(env.email_url("EMAIL_URL"))
    EMAIL_BACKEND = EMAIL_BACKEND.replace("django.core.mail.backends.smtp.Email", "spa.smtp.")
else:
    EMAIL_BACKEND = "spa.demo_mail.Backend"

CELERY_BROKER_URL = REDIS_URL
# A broker that is down must not hold up a request: one short try, beat sweeps up the rest.
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "max_retries": 0,
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")
# "expires": sweeps that waited for a stopped worker are not all run when it is back. Not sooner:
# the clocks of two machines are never quite the same.
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "deliver-due-messages": {
        "task": "bookings.tasks.deliver_due",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 300},
    },
    "expire-holds": {
        "task": "bookings.tasks.expire_holds",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 300},
    },
    "owe-day-sheets": {
        "task": "bookings.tasks.owe_sheets",
        "schedule": timedelta(minutes=5),
        "options": {"expires": 280},
    },
    "purge-old-data": {
        "task": "bookings.tasks.purge",
        "schedule": crontab(hour=3, minute=10),
    },
}

if BACKUP_DIR is not None:
    CELERY_BEAT_SCHEDULE["backup"] = {
        "task": "bookings.tasks.backup",
        "schedule": crontab(hour=2, minute=10),
    }

# With it as bearer token Prometheus reads /metrics; without it there is no such page.
METRICS_KEY = env.str("METRICS_KEY", default="")

# For machines that gather logs, or for people at a terminal.
LOG_FORMAT = _one_of("LOG_FORMAT", "json" if PRODUCTION else "lines", among=("json", "lines"))
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "visit_links": {"()": "spa.logs.HideVisitLinks"},
        "people": {"()": "spa.logs.HidePeople"},
        "refusals": {"()": "spa.logs.ShortRefusals"},
    },
    "formatters": {
        "lines": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
        "json": {"()": "spa.json_lines.formatter"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["visit_links", "people", "refusals"],
        }
    },
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        # Its own handlers print the whole request and mail it; ours say the least.
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        "celery": {"level": "WARNING"},
        # It names each passkey that signs in.
        "fido2": {"level": "WARNING"},
    },
}

# Faults are told to Sentry where one is named; to nobody else.
if SENTRY_DSN := env.str("SENTRY_DSN", default=""):
    from spa import sentry

    sentry.start(SENTRY_DSN)
