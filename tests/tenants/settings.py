"""Settings of the tests with the tenant model that TENANT_MODEL names."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, TOKEN_EXCHANGE, env

# The example's own app has our organizations, and not every project describes its API.
_LEFT_OUT = {"reports", "drf_spectacular"}
INSTALLED_APPS = [*(each for each in INSTALLED_APPS if each not in _LEFT_OUT), "tests.tenants"]
ROOT_URLCONF = "tests.management.commands.urls_below_a_prefix"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TOKEN_EXCHANGE_ORGANIZATION_MODEL = env("TENANT_MODEL", default="tenants.Tenant")
TOKEN_EXCHANGE = {
    **TOKEN_EXCHANGE,
    "ORGANIZATION_LOOKUP_FIELD": env("TENANT_LOOKUP_FIELD", default="slug"),
}
