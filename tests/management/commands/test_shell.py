"""What a shell sees: exit status, standard output, standard error."""

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


def test_there_are_these_commands():
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


def complain(capsys, name, *arguments):
    """Let a command fail as ``manage.py`` would; return the one line that it prints."""
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
    def test_answers_with_one_object_on_standard_output(self, shell):
        assert shell.answer("create_organization", "Example")["slug"] == "example"

    def test_complains_in_one_line_of_bytes_that_are_not_utf_8(self, shell):
        line = shell.complaint("create_organization", b"\xff\xfe".decode(errors="surrogateescape"))
        assert line == "No slug can be made of '\\udcff\\udcfe': give one with --slug."


class TestWrongArguments:
    """One line and status 1, where argparse would print its usage and exit with 2."""

    @pytest.mark.parametrize("name", OURS)
    def test_end_in_one_line(self, name, capsys):
        line = complain(capsys, name, "--nonsense", "a\nb\x1b[31m")
        assert line.startswith("CommandError: ")
        assert "usage" not in line
        assert "\x1b" not in line

    def test_end_in_a_traceback_where_asked(self):
        command = load_command_class("token_exchange", "revoke_credential")
        with pytest.raises(CommandError):
            command.run_from_argv(["manage.py", "revoke_credential", "--traceback"])

    def test_are_named(self, capsys):
        assert complain(capsys, "create_api_key", "--name", "x") == (
            "CommandError: the following arguments are required: --organization"
        )

    @pytest.mark.parametrize("name", OURS)
    def test_are_explained_by_help(self, name, capsys):
        command = load_command_class("token_exchange", name)
        with pytest.raises(SystemExit) as caught:
            command.run_from_argv(["manage.py", name, "--help"])
        assert caught.value.code == 0
        assert command.help in " ".join(capsys.readouterr().out.split())


# Because a command that ran closes its connections, also one that a transaction is open on.
@pytest.mark.django_db(transaction=True)
class TestComplaintsOfCommandsThatRan:
    def test_wrong_values(self, capsys):
        make_organization(slug="example")
        assert complain(capsys, "create_organization", "Example", "--json") == (
            "CommandError: slug: Organization with this Slug already exists."
        )

    def test_not_migrated(self, capsys):
        def be_empty(execute, sql, *arguments):
            if "token_exchange_credential" in sql:
                raise ProgrammingError("no such table:\ntoken_exchange_credential")
            return execute(sql, *arguments)

        with connection.execute_wrapper(be_empty):
            line = complain(capsys, "list_credentials")
        assert line == (
            "CommandError: The database failed: no such table: token_exchange_credential "
            "(token_exchange_doctor says how to mend it)"
        )


@pytest.mark.xdist_group("shell")
@pytest.mark.processes
class TestDatabaseAway:
    def test_no_server(self):
        with closing(socket.socket()) as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            shell = Shell(f"postgres://nobody:secret-of-the-database@127.0.0.1:{port}/nothing")
            line = shell.complaint("purge_expired_tokens", "--json")
        assert line.startswith("The database failed: connection failed:")
        assert "secret-of-the-database" not in line

    def test_is_shown_in_full_where_that_is_asked_for(self):
        shell = Shell("postgres://nobody:secret-of-the-database@127.0.0.1:1/nothing")
        finished = shell.run("purge_expired_tokens", "--traceback")
        assert finished.returncode == 1
        assert finished.stderr.startswith("Traceback")
        assert "secret-of-the-database" not in finished.stderr


def test_no_settings_end_in_one_line(complaint, settings):
    settings.TOKEN_EXCHANGE = {}
    assert complaint("create_api_key", "--organization", "a", "--name", "b") == (
        "TOKEN_EXCHANGE['ISSUER'] must be a URL, for instance 'https://api.example.com'."
    )
