"""Settings of the example.

Everything that differs between deployments comes from the environment, through ``environment.py``.
"""

from pathlib import Path

import environment
import logs

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = BASE_DIR / "var"
VAR.mkdir(exist_ok=True)

DEBUG = environment.switch("DEBUG", default=False)
SECRET_KEY = environment.secret_key(stored_in=VAR / "secret_key")
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
REQUIRE_HTTPS = environment.switch("TOKEN_EXCHANGE_REQUIRE_HTTPS", default=not DEBUG)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "token_exchange",
    "reports",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "token_exchange.middleware.PrivateResponseMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "token_exchange_self_service:list"
LOGOUT_REDIRECT_URL = "login"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
SESSION_COOKIE_SECURE = REQUIRE_HTTPS
CSRF_COOKIE_SECURE = REQUIRE_HTTPS

STATIC_URL = "static/"
# Serve the static files of the installed apps directly, without collectstatic.
WHITENOISE_USE_FINDERS = True

DATABASES = {"default": environment.database(default=VAR / "db.sqlite3")}
CACHES = {"default": environment.cache()}

TOKEN_EXCHANGE_ORGANIZATION_MODEL = "token_exchange.Organization"
ISSUER = environment.text("TOKEN_EXCHANGE_ISSUER", "http://127.0.0.1:8000")
TOKEN_EXCHANGE = {
    "ISSUER": ISSUER,
    "ALGORITHM": environment.text("TOKEN_EXCHANGE_ALGORITHM", "ES256"),
    "REQUIRE_HTTPS": REQUIRE_HTTPS,
    "TOKEN_RETENTION": environment.seconds("TOKEN_EXCHANGE_TOKEN_RETENTION", 86_400),
    # The page at /api/docs sends the keys that you enter there.
    "ALLOWED_ORIGINS": environment.words(
        "TOKEN_EXCHANGE_ALLOWED_ORIGINS", environment.origin_of(ISSUER)
    ),
    "OPERATOR_ORGANIZATIONS": "operators.organizations_of",
    "SCOPES": {
        "reports:read": "Read reports",
        "reports:write": "Write reports",
        "keys:manage": "Manage the user's API keys",
    },
    "SELF_SERVICE_ENTITLEMENT": "reports.self_service.entitlement",
}
if not environment.switch("TOKEN_EXCHANGE_RATE_LIMITS", default=True):
    TOKEN_EXCHANGE["RATE_LIMITS"] = None

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["token_exchange.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "token_exchange.exceptions.exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Reports",
    "DESCRIPTION": "A small service, protected by django-token-exchange.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "token_exchange.views.schema.add_endpoints",
    ],
}

CELERY_BROKER_URL, CELERY_BROKER_TRANSPORT_OPTIONS = environment.broker(default=VAR / "broker")
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# If a task cannot be sent, fail immediately and let the caller decide.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR / "celerybeat-schedule")
_PURGE_EVERY_SECONDS = environment.seconds("TOKEN_EXCHANGE_PURGE_EVERY", 3600)
CELERY_BEAT_SCHEDULE = {
    "purge-expired-tokens": {
        "task": "token_exchange.tasks.purge_expired_tokens",
        "schedule": _PURGE_EVERY_SECONDS,
        # Without a worker, tasks must not pile up.
        "options": {"expires": _PURGE_EVERY_SECONDS},
    },
    "rotate-signing-keys": {
        # Daily. Whether it rotates depends on SIGNING_KEY_LIFETIME.
        "task": "token_exchange.tasks.rotate_signing_keys",
        "schedule": 86_400,
        "options": {"expires": 86_400},
    },
    "warn-of-expiring-credentials": {
        "task": "token_exchange.tasks.warn_of_expiring_credentials",
        "schedule": 3600,
        "options": {"expires": 3600},
    },
}

LOGGING = logs.LOGGING
