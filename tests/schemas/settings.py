"""Settings of the tests with token_exchange in the schema of each tenant."""

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, MIDDLEWARE, TOKEN_EXCHANGE

DATABASES["default"]["ENGINE"] = "django_tenants.postgresql_backend"
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
_AUTH = ["django.contrib.contenttypes", "django.contrib.auth"]
SHARED_APPS = ["django_tenants", "tests.schemas", *_AUTH]
TENANT_APPS = [*_AUTH, "token_exchange"]
INSTALLED_APPS = [*SHARED_APPS, "token_exchange", "rest_framework"]
TENANT_MODEL = "schemas.Customer"
TENANT_DOMAIN_MODEL = "schemas.Domain"
MIDDLEWARE = [
    "django_tenants.middleware.main.TenantMainMiddleware",
    *(each for each in MIDDLEWARE if "auth" not in each and "messages" not in each),
]
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "token_exchange.urls"
TOKEN_EXCHANGE = {**TOKEN_EXCHANGE, "REVOCATION_MAX_AGE": 0, "RATE_LIMITS": None}
