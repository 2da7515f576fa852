"""Settings of a service without tables: neither ours nor Django's."""

import os

SECRET_KEY = "not-needed"
ALLOWED_HOSTS = ["testserver"]
ROOT_URLCONF = "tests.resource_server.service"
DATABASES: dict[str, object] = {}
INSTALLED_APPS: list[str] = []
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["token_exchange.authentication.BearerAuthentication"],
    "EXCEPTION_HANDLER": "token_exchange.exceptions.exception_handler",
    # Django REST framework's own is of django.contrib.auth, which has tables.
    "UNAUTHENTICATED_USER": None,
}
TOKEN_EXCHANGE = {
    "ISSUER": os.environ["ISSUER"],
    "AUDIENCE": "https://api.test",
    "MODE": "resource-server",
    "REVOCATIONS_API_KEY": "sk_live.hidden",
    "REMOTE_TIMEOUT": 10,
}
