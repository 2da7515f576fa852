"""What a shell sees: exit status, standard output, standard error."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest
from django.core.management import CommandError, get_commands, load_command_class

from tests.commands.conftest import Shell

OURS = sorted(name for name, app in get_commands().items() if app == "token_exchange")

pytestmark = pytest.mark.django_db


def test_there_are_these_commands():
    assert OURS == [
        "create_api_key",
        "create_client_app",
        "create_organization",
        "list_credentials",
        "list_signing_keys",
        "purge_expired_tokens",
        "revoke_credential",
        "rotate_credential",
        "rotate_signing_key",
    ]


class TestAnswers:
    def test_are_one_object_on_standard_output(self, shell):
        assert shell.answer("create_organization", "Example")["slug"] == "example"
        key = shell.answer("create_api_key", "--organization", "example", "--name", "x")
        assert key["key"].startswith(f"{key['identifier']}.")
        assert shell.complaint("create_organization", "Example", "--json") == (
            "slug: Organization with this Slug already exists."
        )


class TestWrongArguments:
    """One line and status 1, where argparse would print its usage and exit with 2."""

    @pytest.mark.parametrize("name", OURS)
    def test_end_in_one_line(self, name, capsys):
        command = load_command_class("token_exchange", name)
        with pytest.raises(SystemExit) as caught:
            command.run_from_argv(["manage.py", name, "--nonsense", "a\nb\x1b[31m"])
        assert caught.value.code == 1
        out, err = capsys.readouterr()
        assert out == ""
        (line,) = err.splitlines()
        assert line.startswith("CommandError: ")
        assert "usage" not in line
        assert "\x1b" not in line

    def test_end_in_a_traceback_where_asked(self):
        command = load_command_class("token_exchange", "revoke_credential")
        with pytest.raises(CommandError):
            command.run_from_argv(["manage.py", "revoke_credential", "--traceback"])

    def test_end_so_in_a_process_of_their_own(self, shell):
        assert shell.complaint("create_api_key", "--name", "x") == (
            "the following arguments are required: --organization"
        )

    @pytest.mark.parametrize("name", OURS)
    def test_are_explained_by_help(self, name, capsys):
        command = load_command_class("token_exchange", name)
        with pytest.raises(SystemExit) as caught:
            command.run_from_argv(["manage.py", name, "--help"])
        assert caught.value.code == 0
        assert command.help in " ".join(capsys.readouterr().out.split())


def test_bytes_that_are_not_utf_8_end_in_one_line(shell):
    line = shell.complaint("create_organization", b"\xff\xfe".decode(errors="surrogateescape"))
    assert line == "No slug can be made of '\\udcff\\udcfe': give one with --slug."


class TestDatabaseAway:
    def test_not_migrated(self, tmp_path):
        shell = Shell(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
        assert shell.complaint("list_credentials") == (
            "The database failed: no such table: token_exchange_credential"
        )

    def test_no_server(self):
        with closing(socket.socket()) as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            shell = Shell(f"postgres://nobody:secret-of-the-database@127.0.0.1:{port}/nothing")
            line = shell.complaint("purge_expired_tokens", "--json")
        assert line.startswith("The database failed: connection failed:")
        assert "secret-of-the-database" not in line


def test_no_settings_end_in_one_line(complaint, settings):
    settings.TOKEN_EXCHANGE = {}
    assert complaint("create_api_key", "--organization", "a", "--name", "b") == (
        "TOKEN_EXCHANGE['ISSUER'] must be a URL, for instance 'https://api.example.com'."
    )
