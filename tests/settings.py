"""Settings of the tests: SQLite and local memory, or DATABASE_URL and CACHE_URL."""

import os

import django
import environ

env = environ.Env()
SECRET_KEY = "the-tests-have-no-secret-worth-keeping-0123456789-abcdefgh"
DEBUG = False
USE_TZ = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "token_exchange",
    # The example's own app; tests/example/ tests it.
    "reports",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
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
# Secure password hashes are slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES = {"default": env.db_url("DATABASE_URL", default="sqlite:///:memory:")}
CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://")}
if CACHES["default"]["BACKEND"] == "django.core.cache.backends.redis.RedisCache":
    # Test processes that run in parallel share the server, and each clears its keys often.
    CACHES["default"] |= {
        "BACKEND": "tests.support.worker_cache.WorkerRedisCache",
        "KEY_PREFIX": f"tests-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}",
    }
# Also for processes that a test starts, where pytest-django does not replace it.
_MAIL = "django.core.mail.backends.locmem.EmailBackend"
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": _MAIL}}
else:
    EMAIL_BACKEND = _MAIL
# The tests send no mail, and the deployment check reports that.
SILENCED_SYSTEM_CHECKS = ["mail.E001"]
TOKEN_EXCHANGE_ORGANIZATION_MODEL = "token_exchange.Organization"
TOKEN_EXCHANGE = {"ISSUER": "https://issuer.test", "ALGORITHM": "EdDSA"}
REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
SPECTACULAR_SETTINGS = {"POSTPROCESSING_HOOKS": ["token_exchange.views.schema.add_endpoints"]}
