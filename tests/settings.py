"""The settings of the tests: SQLite and local memory, or what DATABASE_URL and CACHE_URL name."""

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
# To hash a password is meant to take long; none here is worth it.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES = {"default": env.db_url("DATABASE_URL", default="sqlite:///:memory:")}
CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://")}
# Also in processes that a test starts, where nobody replaces it.
_MAIL = "django.core.mail.backends.locmem.EmailBackend"
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": _MAIL}}
else:
    EMAIL_BACKEND = _MAIL
# No mail leaves the tests, and the check of a deployment says so.
SILENCED_SYSTEM_CHECKS = ["mail.E001"]
TOKEN_EXCHANGE_ORGANIZATION_MODEL = "token_exchange.Organization"
TOKEN_EXCHANGE = {"ISSUER": "https://issuer.test", "ALGORITHM": "EdDSA"}
REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
SPECTACULAR_SETTINGS = {"POSTPROCESSING_HOOKS": ["token_exchange.views.schema.add_endpoints"]}
