"""Exit status, stdout and stderr of the commands in a shell."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest
from django.core.management import CommandError, get_commands, load_command_class
from django.db import ProgrammingError, connection

from tests.management.commands.conftest import Shell
from tests.support.factories import make_organization

OURS = sorted(name for name, app in get_commands().items() if app == "token_exchange")

pytestmark = pytest.mark.django_db


def test_commands_of_the_app():
    assert OURS == [
        "create_api_key",
        "create_client_app",
        "create_organization",
        "export_audit_events",
        "list_credentials",
        "list_signing_keys",
        "print_secret_patterns",
        "purge_expired_tokens",
        "reencrypt_signing_keys",
        "remove_signing_key",
        "revoke_credential",
        "rotate_credential",
        "rotate_signing_key",
        "token_exchange_doctor",
        "warn_of_expiring_credentials",
    ]


def fail(capsys, name, *arguments):
    """Run a command that must fail, as ``manage.py`` does; return the line that it prints."""
    command = load_command_class("token_exchange", name)
    with pytest.raises(SystemExit) as caught:
        command.run_from_argv(["manage.py", name, *arguments])
    assert caught.value.code == 1
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    return line


@pytest.mark.xdist_group("shell")
@pytest.mark.processes
class TestRealProcess:
    def test_json_is_printed_on_stdout(self, shell):
        assert shell.answer("create_organization", "Example")["slug"] == "example"

    def test_argument_that_is_not_utf_8_gives_a_one_line_error(self, shell):
        line = shell.error("create_organization", b"\xff\xfe".decode(errors="surrogateescape"))
        assert line == "No slug can be derived from '\\udcff\\udcfe': set one with --slug."


class TestWrongArguments:
    """One line and status 1, where argparse would print its usage and exit with 2."""

    @pytest.mark.parametrize("name", OURS)
    def test_give_a_one_line_error(self, name, capsys):
        line = fail(capsys, name, "--nonsense", "a\nb\x1b[31m")
        assert line.startswith("CommandError: ")
        assert "usage" not in line
        assert "\x1b" not in line

    def test_give_a_traceback_if_asked(self):
        command = load_command_class("token_exchange", "revoke_credential")
        with pytest.raises(CommandError):
            command.run_from_argv(["manage.py", "revoke_credential", "--traceback"])

    def test_are_named(self, capsys):
        assert fail(capsys, "create_api_key", "--name", "x") == (
            "CommandError: the following arguments are required: --organization"
        )

    @pytest.mark.parametrize("name", OURS)
    def test_help_contains_the_description(self, name, capsys):
        command = load_command_class("token_exchange", name)
        with pytest.raises(SystemExit) as caught:
            command.run_from_argv(["manage.py", name, "--help"])
        assert caught.value.code == 0
        assert command.help in " ".join(capsys.readouterr().out.split())


# A command closes its connections when it ends, even one with an open transaction.
@pytest.mark.django_db(transaction=True)
class TestErrorsOfRunningCommands:
    def test_wrong_values(self, capsys):
        make_organization(slug="example")
        assert fail(capsys, "create_organization", "Example", "--json") == (
            "CommandError: slug: Organization with this Slug already exists."
        )

    def test_not_migrated(self, capsys):
        def refuse(execute, sql, *arguments):
            if "token_exchange_credential" in sql:
                raise ProgrammingError("no such table:\ntoken_exchange_credential")
            return execute(sql, *arguments)

        with connection.execute_wrapper(refuse):
            line = fail(capsys, "list_credentials")
        assert line == (
            "CommandError: The database failed: no such table: token_exchange_credential "
            "(run token_exchange_doctor to find out why)"
        )


@pytest.mark.xdist_group("shell")
@pytest.mark.processes
class TestUnreachableDatabase:
    def test_gives_a_one_line_error_without_the_password(self):
        with closing(socket.socket()) as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            shell = Shell(f"postgres://nobody:secret-of-the-database@127.0.0.1:{port}/nothing")
            line = shell.error("purge_expired_tokens", "--json")
        assert line.startswith("The database failed: connection failed:")
        assert "secret-of-the-database" not in line

    def test_gives_a_traceback_if_asked(self):
        shell = Shell("postgres://nobody:secret-of-the-database@127.0.0.1:1/nothing")
        finished = shell.run("purge_expired_tokens", "--traceback")
        assert finished.returncode == 1
        assert finished.stderr.startswith("Traceback")
        assert "secret-of-the-database" not in finished.stderr


def test_missing_settings_give_a_one_line_error(error_of, settings):
    settings.TOKEN_EXCHANGE = {}
    assert error_of("create_api_key", "--organization", "a", "--name", "b") == (
        "TOKEN_EXCHANGE['ISSUER'] must be a URL, for instance 'https://api.example.com'."
    )
