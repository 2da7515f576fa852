"""Settings of the tests with models whose managers hide deleted rows; MANAGER names one."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, TOKEN_EXCHANGE, env

# The example's own app has our organizations.
INSTALLED_APPS = [*(each for each in INSTALLED_APPS if each != "reports"), "tests.soft_deletion"]
ROOT_URLCONF = "tests.authentication.views"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REST_FRAMEWORK = {"EXCEPTION_HANDLER": "token_exchange.exceptions.exception_handler"}
AUTH_USER_MODEL = "soft_deletion.Member"
TOKEN_EXCHANGE_ORGANIZATION_MODEL = "soft_deletion.Tenant"
TOKEN_EXCHANGE = {
    **TOKEN_EXCHANGE,
    "REVOCATION_MAX_AGE": 0,
    "RATE_LIMITS": None,
    "USER_MANAGER": env("MANAGER", default=None),
    "ORGANIZATION_MANAGER": env("MANAGER", default=None),
    "SELF_SERVICE_ENTITLEMENT": "tests.soft_deletion.program.entitlement",
}
