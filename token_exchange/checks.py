"""What in the project's settings will not work, or works and is dangerous?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core import checks
from django.core.exceptions import FieldDoesNotExist
from django.db import connections
from django.utils import timezone
from django.utils.module_loading import import_string

from token_exchange.conf import Settings, read_settings
from token_exchange.models import AbstractOrganization, SigningKey, get_organization_model

_APP: Final = "token_exchange"
_LOCAL_CACHES: Final = ("LocMemCache", "DummyCache", "DatabaseCache", "FileBasedCache")
# As in Django's own security.W009.
_INSECURE_SECRET_KEY_LENGTH: Final = 50
_INSECURE_SECRET_KEY_CHARACTERS: Final = 5


def register() -> None:
    """Register the checks, those of a deployment and of the database apart."""
    checks.register(check_settings, checks.Tags.security)
    checks.register(check_deployment, checks.Tags.security, deploy=True)
    checks.register(check_signing_keys, checks.Tags.database)


def check_settings(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """Check each key of ``TOKEN_EXCHANGE`` (E001 to E024) and the models it relies on."""
    settings, problems = read_settings()
    messages: list[checks.CheckMessage] = [
        checks.Error(problem.message, id=f"{_APP}.{problem.check_id}") for problem in problems
    ]
    messages += _check_models()
    if settings is not None:
        messages += _check_values(settings)
    return messages


def _check_models() -> Iterator[checks.CheckMessage]:
    if not _has_policy():
        yield checks.Error(
            "The model in TOKEN_EXCHANGE_ORGANIZATION_MODEL has no token policy.",
            hint="Let it inherit from token_exchange.models.AbstractOrganization.",
            id=f"{_APP}.E030",
        )
    try:
        get_user_model()._meta.get_field("is_active")
    except FieldDoesNotExist:
        yield checks.Error(
            "The user model has no field is_active, so nobody could be deactivated.",
            hint="Add a BooleanField is_active to the model in AUTH_USER_MODEL.",
            id=f"{_APP}.E031",
        )


def _has_policy() -> bool:
    try:
        return issubclass(get_organization_model(), AbstractOrganization)
    except LookupError:  # Django's own checks say that there is no such model
        return True


def _check_values(settings: Settings) -> Iterator[checks.CheckMessage]:
    yield from _check_verifier(settings)
    if not _has_field(settings.organization_lookup_field):
        yield checks.Error(
            "TOKEN_EXCHANGE['ORGANIZATION_LOOKUP_FIELD'] is not a column of the organization.",
            id=f"{_APP}.E016",
        )
    prefixes = {
        settings.api_key_prefix,
        settings.client_id_prefix,
        settings.client_secret_prefix,
    }
    if len(prefixes) < 3:  # noqa: PLR2004 - as many as there are settings
        yield checks.Error(
            "API_KEY_PREFIX, CLIENT_ID_PREFIX and CLIENT_SECRET_PREFIX must differ.",
            id=f"{_APP}.E032",
        )
    if settings.default_overlap > settings.max_overlap:
        yield checks.Warning(
            "DEFAULT_OVERLAP is over MAX_OVERLAP, which is used instead.", id=f"{_APP}.W001"
        )


def _check_verifier(settings: Settings) -> Iterator[checks.CheckMessage]:
    try:
        is_callable = callable(import_string(settings.verifier))
    except ImportError as error:
        yield checks.Error(
            f"TOKEN_EXCHANGE['VERIFIER'] cannot be imported: {error}.", id=f"{_APP}.E024"
        )
    else:
        if not is_callable:
            yield checks.Error("TOKEN_EXCHANGE['VERIFIER'] is not callable.", id=f"{_APP}.E024")


def _has_field(name: str) -> bool:
    try:
        columns = get_organization_model()._meta.concrete_fields
    except LookupError:
        return True
    return name in {each.name for each in columns}


def check_deployment(app_configs: Any, **_: object) -> list[checks.CheckMessage]:
    """Check what is dangerous in production (W002 to W006, E033)."""
    settings, _problems = read_settings()
    return [] if settings is None else list(_check_deployment(settings))


def _check_deployment(settings: Settings) -> Iterator[checks.CheckMessage]:
    if urlsplit(settings.issuer).scheme != "https":
        yield checks.Warning(
            "TOKEN_EXCHANGE['ISSUER'] is not an https URL (RFC 8414, section 2).",
            id=f"{_APP}.W002",
        )
    if not settings.require_https:
        yield checks.Warning(
            "Credentials and tokens are accepted over plain http.",
            hint="Set TOKEN_EXCHANGE['REQUIRE_HTTPS'] = True, or leave it out with DEBUG off.",
            id=f"{_APP}.W003",
        )
    if not settings.rate_limits or not getattr(django_settings, "RATELIMIT_ENABLE", True):
        yield checks.Warning(
            "There are no rate limits, so credentials can be guessed at full speed.",
            hint="Leave out TOKEN_EXCHANGE['RATE_LIMITS'] and RATELIMIT_ENABLE, or give each rate.",
            id=f"{_APP}.W004",
        )
    elif _is_local_cache():
        yield checks.Warning(
            "The cache that counts for the rate limits is not shared by all processes, or does "
            "not count atomically.",
            hint="Use Redis or Memcached in CACHES, or name such a cache in RATELIMIT_USE_CACHE.",
            id=f"{_APP}.W005",
        )
    if settings.signing_key_encryption_keys is None and _has_insecure_secret_key():
        yield checks.Error(
            "The signing keys are encrypted with an insecure SECRET_KEY.",
            hint="Set a long random SECRET_KEY, or SIGNING_KEY_ENCRYPTION_KEYS.",
            id=f"{_APP}.E033",
        )


def _is_local_cache() -> bool:
    name = getattr(django_settings, "RATELIMIT_USE_CACHE", "default")
    backend = django_settings.CACHES.get(name, {}).get("BACKEND", "")
    # A cache that does not exist counts nothing, for every process by itself.
    return not backend or str(backend).endswith(_LOCAL_CACHES)


def _has_insecure_secret_key() -> bool:
    written: str | bytes = django_settings.SECRET_KEY
    key = written.decode("latin-1") if isinstance(written, bytes) else written
    return (
        len(key) < _INSECURE_SECRET_KEY_LENGTH
        or len(set(key)) < _INSECURE_SECRET_KEY_CHARACTERS
        or key.startswith("django-insecure-")
    )


def check_signing_keys(
    app_configs: Any, databases: Any = None, **_: object
) -> list[checks.CheckMessage]:
    """Check the stored keys (W006); runs with ``migrate`` and ``check --database``."""
    settings, _problems = read_settings()
    using = SigningKey.objects.on_writer().db
    if settings is None or using not in (databases or ()):
        return []
    if SigningKey._meta.db_table not in connections[using].introspection.table_names():
        return []
    now = timezone.now()
    newest = SigningKey.objects.on_writer().published(now=now).last()
    if newest is None or newest.algorithm == settings.algorithm:
        return []
    return [
        checks.Warning(
            f"Tokens are signed with {newest.algorithm}, but TOKEN_EXCHANGE['ALGORITHM'] is "
            f"{settings.algorithm}.",
            hint="Run: python manage.py rotate_signing_key",
            id=f"{_APP}.W006",
        )
    ]
