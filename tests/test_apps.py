"""The app's configuration."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management.sql import emit_post_migrate_signal
from django.db.migrations.state import ProjectState
from django.db.models.signals import pre_delete

from tests.support.factories import make_api_key, make_user
from token_exchange.issuer import signing_keys
from token_exchange.issuer.credentials import Act, revoke
from token_exchange.models import RevocationFeedMark, SigningKey

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class TokenExchangeElsewhere:
    """A router that keeps our tables out of every database."""

    def allow_migrate(self, db: str, app_label: str, **_: object) -> bool | None:
        return False if app_label == "token_exchange" else None


def emit_post_migrate(**arguments: Any) -> None:
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default", **arguments)


class TestConfig:
    def test_is_found_by_the_apps_name(self):
        config = apps.get_app_config("token_exchange")
        assert config.name == "token_exchange"
        assert config.verbose_name == "Token exchange"

    def test_brings_big_primary_keys_whatever_the_projects_default_is(self):
        for model in apps.get_app_config("token_exchange").get_models():
            kind = "PositiveBigIntegerField" if model is RevocationFeedMark else "BigAutoField"
            assert model._meta.pk.get_internal_type() == kind


@pytest.mark.django_db
class TestAfterMigrate:
    def test_there_is_a_signing_key(self):
        SigningKey.objects.all().delete()
        emit_post_migrate()
        assert signing_keys.key_set().current.kid == SigningKey.objects.get().kid

    def test_there_is_none_where_our_tables_are_not(self, settings):
        SigningKey.objects.all().delete()
        settings.DATABASE_ROUTERS = ["tests.test_apps.TokenExchangeElsewhere"]
        emit_post_migrate()
        assert SigningKey.objects.count() == 0

    def test_nothing_is_done_where_our_app_is_migrated_away(self):
        """The receivers are given the apps of that moment."""
        SigningKey.objects.all().delete()
        emit_post_migrate(apps=ProjectState().apps)
        assert SigningKey.objects.count() == 0


@pytest.mark.django_db
class TestBeforeDeletionOfAUser:
    def test_his_keys_are_revoked_now(self):
        user = make_user()
        key = make_api_key(owner=user).credential
        before = datetime.now(UTC)
        user.delete()
        key.refresh_from_db()
        assert before <= key.revoked_at <= datetime.now(UTC)

    def test_it_is_the_user_model_that_is_listened_to(self):
        assert pre_delete.has_listeners(get_user_model())
        assert not pre_delete.has_listeners(Permission)


@pytest.mark.django_db
def test_the_log_listens(caplog, django_capture_on_commit_callbacks):
    with (
        caplog.at_level(logging.INFO, logger="token_exchange"),
        django_capture_on_commit_callbacks(execute=True),
    ):
        key = make_api_key().credential
        revoke(key, act=Act(now=NOW, reason="Leaked."))
    assert [record.event for record in caplog.records] == [
        "credential.issued",
        "credential.revoked",
    ]
