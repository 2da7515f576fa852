"""Django projects of the subjects: their apps, their settings and what must be installed.

The projects differ in their apps only. None has middleware: a cost that all requests share pulls
the ratios towards 1.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

_FAST_HASHER = "django.contrib.auth.hashers.MD5PasswordHasher"
_TUNED = {"PASSWORD_HASHERS": [_FAST_HASHER]}
# A token of five minutes would not live to the end of a run.
_SIMPLE_JWT = {"SIMPLE_JWT": {"ACCESS_TOKEN_LIFETIME": timedelta(days=1)}}


@dataclass(frozen=True, kw_only=True)
class Project:
    """One child process: a module of ``subjects`` and the settings that it needs."""

    module: str
    """Its urls, its rows and its requests."""
    apps: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    distribution: str | None = None
    """What to install from PyPI; ``None`` for what comes with this project."""

    @property
    def is_installed(self) -> bool:
        """Whether this Python can run it."""
        return all(importlib.util.find_spec(app.partition(".")[0]) for app in self.apps)


# Without it the purge complains.
_TOOLKIT = {"REFRESH_TOKEN_EXPIRE_SECONDS": 86_400}
# Nobody reaches them.
_RATE_LIMITS = {"token": "99999999/d", "auth_token": "99999999/d"}

PROJECTS = {
    "floors": Project(module="floors"),
    "ours": Project(module="ours", apps=("token_exchange",)),
    "simplejwt": Project(
        module="simplejwt",
        apps=("rest_framework_simplejwt", "rest_framework_simplejwt.token_blacklist"),
        settings=_SIMPLE_JWT,
        distribution="djangorestframework-simplejwt",
    ),
    "simplejwt tuned": Project(
        module="simplejwt",
        apps=("rest_framework_simplejwt", "rest_framework_simplejwt.token_blacklist"),
        settings={**_TUNED, **_SIMPLE_JWT},
        distribution="djangorestframework-simplejwt",
    ),
    "toolkit": Project(
        module="toolkit",
        apps=("oauth2_provider",),
        settings={"OAUTH2_PROVIDER": _TOOLKIT},
        distribution="django-oauth-toolkit",
    ),
    "toolkit tuned": Project(
        module="toolkit",
        apps=("oauth2_provider",),
        settings={**_TUNED, "OAUTH2_PROVIDER": {**_TOOLKIT, "CLIENT_SECRET_HASHER": "md5"}},
        distribution="django-oauth-toolkit",
    ),
    "knox": Project(
        module="knox",
        apps=("knox",),
        distribution="django-rest-knox",
    ),
    "knox tuned": Project(
        module="knox",
        apps=("knox",),
        settings=_TUNED,
        distribution="django-rest-knox",
    ),
    "api-key": Project(
        module="api_key",
        apps=("rest_framework_api_key",),
        distribution="djangorestframework-api-key",
    ),
}
"""By name; the tuned ones have a fast hash where a password's would be computed at each call."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What all projects of one run share."""

    database: dict[str, Any]
    cache: dict[str, Any]
    algorithm: str = "ES256"
    rate_limits: bool = False
    over_http: bool = False
    """Behind gunicorn without TLS, instead of requests that are made in the process."""


def settings_of(name: str, surroundings: Surroundings) -> dict[str, Any]:
    """Return the Django settings of a project."""
    project = PROJECTS[name]
    return {
        "SECRET_KEY": "benchmarks-have-no-secret-worth-keeping-0123456789-abcdefgh",
        "ALLOWED_HOSTS": ["*"],
        "USE_TZ": True,
        "ROOT_URLCONF": f"subjects.{project.module}",
        "INSTALLED_APPS": [
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "rest_framework",
            *project.apps,
        ],
        "MIDDLEWARE": [],
        "DATABASES": {"default": surroundings.database},
        "CACHES": {"default": surroundings.cache},
        "REST_FRAMEWORK": {
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
            "DEFAULT_AUTHENTICATION_CLASSES": [],
            "DEFAULT_PERMISSION_CLASSES": [],
        },
        "TOKEN_EXCHANGE": {
            "ISSUER": "https://issuer.test",
            "ALGORITHM": surroundings.algorithm,
            "REQUIRE_HTTPS": not surroundings.over_http,
            "RATE_LIMITS": _RATE_LIMITS if surroundings.rate_limits else None,
        },
        "BENCHMARKS_ALGORITHM": surroundings.algorithm,
        "BENCHMARKS_RATE_LIMITS": surroundings.rate_limits,
        **project.settings,
    }
