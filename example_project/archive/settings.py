"""Settings of a service that only verifies tokens.

It has no database and no installed apps. Its only secret is the API key with which it reads the
issuer's revocation feed.
"""

import environment
import logs

DEBUG = environment.switch("DEBUG", default=False)
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")

DATABASES: dict[str, dict[str, str]] = {}
INSTALLED_APPS: list[str] = []
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "archive.urls"
WSGI_APPLICATION = "archive.wsgi.application"
USE_TZ = True
TIME_ZONE = "UTC"

TOKEN_EXCHANGE = {
    "MODE": "resource-server",
    "ISSUER": environment.text("TOKEN_EXCHANGE_ISSUER", "http://127.0.0.1:8000"),
    # None: the issuer, the audience of tokens whose credential defines no audience.
    "AUDIENCE": environment.text("TOKEN_EXCHANGE_AUDIENCE", "") or None,
    "REVOCATIONS_API_KEY": environment.required(
        "TOKEN_EXCHANGE_REVOCATIONS_API_KEY",
        "an API key of the issuer with the scope token_exchange:revocations",
    ),
    "REVOCATION_MAX_AGE": environment.seconds("TOKEN_EXCHANGE_REVOCATION_MAX_AGE", 1),
    "REVOCATION_MAX_STALENESS": environment.seconds("TOKEN_EXCHANGE_REVOCATION_MAX_STALENESS", 60),
    "REQUIRE_HTTPS": environment.switch("TOKEN_EXCHANGE_REQUIRE_HTTPS", default=not DEBUG),
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["token_exchange.authentication.BearerAuthentication"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "token_exchange.exceptions.exception_handler",
    # Django's AnonymousUser needs the tables of django.contrib.auth.
    "UNAUTHENTICATED_USER": None,
}

LOGGING = logs.LOGGING
