"""Environment variables become settings, or errors that say what to write."""

import contextlib
import socket
import sqlite3
import stat

import pytest
import redis
from django.core.cache.backends.redis import RedisCache
from django.core.exceptions import ImproperlyConfigured

import environment
from tests.example.processes import run

SEND = """
import redis, django
django.setup()
from token_exchange.tasks import purge_expired_tokens
attempts = []
class Counted(redis.Connection):
    def connect(self):
        attempts.append(self)
        super().connect()
from kombu.transport.redis import Channel
Channel.connection_class = Counted
try:
    purge_expired_tokens.delay()
except Exception as error:
    print(type(error).__name__, len(attempts))
"""


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch):
    for name in ("DATABASE_URL", "CACHE_URL", "CELERY_BROKER_URL", "SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)


class TestSwitch:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [("on", True), ("True", True), ("1", True), ("OFF", False), ("false", False), ("0", False)],
    )
    def test_values(self, monkeypatch, value, expected):
        monkeypatch.setenv("SWITCH", value)
        assert environment.switch("SWITCH", default=not expected) is expected

    @pytest.mark.parametrize("default", [True, False])
    def test_absent_or_empty(self, monkeypatch, default):
        assert environment.switch("SWITCH", default=default) is default
        monkeypatch.setenv("SWITCH", "")
        assert environment.switch("SWITCH", default=default) is default

    def test_anything_else_is_an_error_and_never_off(self, monkeypatch):
        monkeypatch.setenv("SWITCH", "ture")
        with pytest.raises(ImproperlyConfigured) as raised:
            environment.switch("SWITCH", default=True)
        assert str(raised.value) == (
            "SWITCH must be one of on, true, 1, off, false, 0, not 'ture'."
        )


class TestSeconds:
    def test_values(self, monkeypatch):
        assert environment.seconds("SECONDS", 5) == 5
        monkeypatch.setenv("SECONDS", "60")
        assert environment.seconds("SECONDS", 5) == 60

    @pytest.mark.parametrize("value", ["-1", "1.5", "1h", "²"])
    def test_anything_else(self, monkeypatch, value):
        monkeypatch.setenv("SECONDS", value)
        with pytest.raises(ImproperlyConfigured, match="SECONDS must be a whole number of seconds"):
            environment.seconds("SECONDS", 5)


def test_words(monkeypatch):
    monkeypatch.setenv("WORDS", " a.example.com,, b.example.com ")
    assert environment.words("WORDS", "c") == ["a.example.com", "b.example.com"]


class TestSecretKey:
    def test_of_the_environment(self, monkeypatch, tmp_path):
        monkeypatch.setenv("SECRET_KEY", "$a-dollar-is-a-dollar")
        assert environment.secret_key(stored_in=tmp_path / "key") == "$a-dollar-is-a-dollar"
        assert not (tmp_path / "key").exists()

    def test_generated_once_and_kept_for_its_owner_alone(self, tmp_path):
        path = tmp_path / "key"
        generated = environment.secret_key(stored_in=path)
        assert len(generated) == 50
        assert environment.secret_key(stored_in=path) == generated
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(tmp_path.iterdir()) == [path]
        assert environment.secret_key(stored_in=tmp_path / "other") != generated

    def test_nowhere_to_keep_it(self, tmp_path):
        with pytest.raises(ImproperlyConfigured, match=r"^Set SECRET_KEY to a long random text"):
            environment.secret_key(stored_in=tmp_path / "missing" / "key")


class TestDatabase:
    def test_a_file_of_sqlite(self, tmp_path):
        settings = environment.database(default=tmp_path / "db.sqlite3")
        assert settings["NAME"] == str(tmp_path / "db.sqlite3")
        with contextlib.closing(sqlite3.connect(settings["NAME"])) as database:
            database.executescript(settings["OPTIONS"]["init_command"])
            assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert settings["OPTIONS"]["transaction_mode"] == "IMMEDIATE"

    def test_sqlite_by_url_has_the_same_options(self, monkeypatch, tmp_path):
        default = environment.database(default=tmp_path / "db.sqlite3")
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/db.sqlite3?timeout=3")
        named = environment.database(default=tmp_path / "other.sqlite3")
        assert named["NAME"] == default["NAME"]
        assert named["OPTIONS"] == {**default["OPTIONS"], "timeout": 3}

    def test_postgresql(self, monkeypatch, tmp_path):
        monkeypatch.setenv("DATABASE_URL", "postgres://user:pa%24s@db.example.com:5433/reports")
        settings = environment.database(default=tmp_path / "db.sqlite3")
        assert settings == {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "reports",
            "USER": "user",
            "PASSWORD": "pa$s",
            "HOST": "db.example.com",
            "PORT": 5433,
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
        }

    def test_the_url_has_the_last_word(self, monkeypatch, tmp_path):
        monkeypatch.setenv("DATABASE_URL", "postgres://db.example.com/reports?conn_max_age=0")
        assert environment.database(default=tmp_path / "x")["CONN_MAX_AGE"] == 0

    @pytest.mark.parametrize("url", ["reports", "https://db.example.com/reports", "//x:secret@y"])
    def test_no_url_of_a_database(self, monkeypatch, tmp_path, url):
        monkeypatch.setenv("DATABASE_URL", url)
        with pytest.raises(ImproperlyConfigured) as raised:
            environment.database(default=tmp_path / "db.sqlite3")
        assert str(raised.value) == (
            "DATABASE_URL must be a URL such as postgres://user:password@host/name."
        )


class TestCache:
    def test_local_memory(self):
        assert environment.cache()["BACKEND"].endswith(".LocMemCache")

    def test_a_redis_that_never_answers_is_asked_once_and_briefly(self, monkeypatch):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            silent.setblocking(False)
            monkeypatch.setenv("CACHE_URL", f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
            settings = environment.cache()
            cache = RedisCache(settings["LOCATION"], {"OPTIONS": settings["OPTIONS"]})
            with pytest.raises(redis.exceptions.TimeoutError):
                cache.add("name", "value")
            silent.accept()[0].close()
            with pytest.raises(BlockingIOError):
                silent.accept()
        assert settings["OPTIONS"]["socket_timeout"] == 0.2
        assert settings["OPTIONS"]["socket_connect_timeout"] == 0.2

    def test_the_url_has_the_last_word(self, monkeypatch):
        monkeypatch.setenv("CACHE_URL", "redis://127.0.0.1:6379/4?socket_timeout=0.5")
        settings = environment.cache()
        assert settings["LOCATION"] == "redis://127.0.0.1:6379/4"
        assert settings["OPTIONS"]["socket_timeout"] == 0.5
        assert settings["OPTIONS"]["socket_connect_timeout"] == 0.2

    def test_no_url_of_a_cache(self, monkeypatch):
        monkeypatch.setenv("CACHE_URL", "memcached.example.com:11211")
        with pytest.raises(ImproperlyConfigured, match=r"^CACHE_URL must be a URL such as redis:"):
            environment.cache()


class TestBroker:
    def test_files(self, tmp_path):
        url, options = environment.broker(default=tmp_path / "broker")
        assert url == "filesystem://"
        assert options == {
            "data_folder_in": str(tmp_path / "broker" / "messages"),
            "data_folder_out": str(tmp_path / "broker" / "messages"),
            "control_folder": str(tmp_path / "broker" / "control"),
        }
        assert (tmp_path / "broker" / "messages").is_dir()

    def test_redis(self, monkeypatch, tmp_path):
        monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:6379/5")
        url, options = environment.broker(default=tmp_path / "broker")
        assert url == "redis://127.0.0.1:6379/5"
        assert options == {"max_retries": 0, "socket_connect_timeout": 1, "socket_timeout": 3}
        assert not (tmp_path / "broker").exists()

    def test_another(self, monkeypatch, tmp_path):
        monkeypatch.setenv("CELERY_BROKER_URL", "amqp://127.0.0.1//")
        expected = ("amqp://127.0.0.1//", {"max_retries": 0})
        assert environment.broker(default=tmp_path) == expected

    @pytest.mark.processes
    def test_a_task_that_cannot_be_sent_fails_at_once(self):
        """Fails with the error of a single attempt, without retries."""
        done = run("-c", SEND, CELERY_BROKER_URL="redis://127.0.0.1:1/0")
        assert done.stdout == "OperationalError 1\n", done.stderr


@pytest.mark.processes
class TestSettings:
    """The settings module, in a process with the environment of the test."""

    @pytest.mark.parametrize(
        ("variables", "expected"),
        [
            ({}, ("http://127.0.0.1:8000", "ES256", True, "unset")),
            ({"DEBUG": "on"}, ("http://127.0.0.1:8000", "ES256", False, "unset")),
            (
                {
                    "TOKEN_EXCHANGE_ISSUER": "https://api.example.com",
                    "TOKEN_EXCHANGE_ALGORITHM": "EdDSA",
                    "TOKEN_EXCHANGE_REQUIRE_HTTPS": "off",
                    "TOKEN_EXCHANGE_RATE_LIMITS": "off",
                },
                ("https://api.example.com", "EdDSA", False, None),
            ),
        ],
    )
    def test_of_the_package(self, variables, expected):
        names = ("ISSUER", "ALGORITHM", "REQUIRE_HTTPS")
        values = ", ".join(f"s.TOKEN_EXCHANGE[{name!r}]" for name in names)
        done = run(
            "-c",
            f"from config import settings as s;"
            f"print(({values}, s.TOKEN_EXCHANGE.get('RATE_LIMITS', 'unset')))",
            **variables,
        )
        assert done.stdout.strip() == str(expected)

    @pytest.mark.parametrize(
        ("variables", "expected"),
        [
            ({}, ["http://127.0.0.1:8000"]),
            ({"TOKEN_EXCHANGE_ISSUER": "https://api.test/one"}, ["https://api.test"]),
            (
                {"TOKEN_EXCHANGE_ALLOWED_ORIGINS": "https://a.test, https://b.test"},
                ["https://a.test", "https://b.test"],
            ),
        ],
    )
    def test_origins_that_may_send_keys(self, variables, expected):
        done = run(
            "-c",
            "from config import settings as s; print(s.TOKEN_EXCHANGE['ALLOWED_ORIGINS'])",
            **variables,
        )
        assert done.stdout.strip() == str(expected)

    def test_cookies_follow_https(self):
        show = "from config import settings as s; print(s.SESSION_COOKIE_SECURE)"
        assert run("-c", show).stdout == "True\n"
        assert run("-c", show, TOKEN_EXCHANGE_REQUIRE_HTTPS="off").stdout == "False\n"

    def test_what_cannot_be_understood_stops_the_service(self):
        done = run("manage.py", "check", TOKEN_EXCHANGE_REQUIRE_HTTPS="of")
        assert done.returncode == 1
        assert "TOKEN_EXCHANGE_REQUIRE_HTTPS must be one of on, true, 1" in done.stderr
