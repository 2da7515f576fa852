"""The README and the documentation against the code: blocks, links, commands, settings, events."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.conf import global_settings
from django.core.management import get_commands, load_command_class

from tests.support.paths import DOCS, PACKAGES, ROOT
from tests.test_public_api import PUBLIC
from token_exchange.conf import Settings, read_settings
from token_exchange.models import AuditEvent

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for pattern in ("*.md", "docs/**/*.md", "core/*.md", "benchmarks/*.md")
    for path in sorted(ROOT.glob(pattern))
}
MAX_README_WORDS = 1000
# Of Django REST framework, Python's TLS and httpx, in this order.
NAMES_OF_OTHERS = {
    *("EXCEPTION_HANDLER", "UNAUTHENTICATED_USER", "SSL_CERT_FILE"),
    *("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"),
    *("SHARED_APPS", "TENANT_APPS"),
}

_LOGGING = {"log_event", "log_repeated_event", "log_and_convert"}
# The arguments that name events where an authenticator logs.
_EVENTS = {"refused", "failed"}


def _blocks(language: str, page: str = README) -> list[str]:
    blocks = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)
    return [
        "\n".join(line.removeprefix(indent) for line in text.split("\n")) for indent, text in blocks
    ]


def _event_names(tree: ast.AST) -> set[str]:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return set(AuditEvent.Event.values) | {
        constant.value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id in _LOGGING
        for argument in (
            call.args[1],
            *(each.value for each in call.keywords if each.arg in _EVENTS),
        )
        for constant in ast.walk(argument)
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    }


def _default(field: Any) -> str:
    default = field.metadata["default"]
    if field.name == "issuer":
        return "required"
    shown = dict(default) if field.name == "rate_limits" else default
    return f"`{shown!r}`".replace("'", '"')


def test_settings_table_is_that_of_the_code() -> None:
    expected = [
        f"| `{each.name.upper()}` | {_default(each)} | {each.metadata['help']} |"
        for each in fields(Settings)
    ]
    table = PAGES["docs/settings.md"]
    assert expected == [line for line in table.splitlines() if re.match(r"\| `[A-Z]+(_|`)", line)]


@pytest.mark.parametrize("name", PAGES)
def test_python_blocks_are_python(name: str) -> None:
    blocks = _blocks("python", PAGES[name])
    assert blocks or name not in {"README.md", "docs/resource-server.md"}
    for block in blocks:
        ast.parse(block)


def test_readme_is_short() -> None:
    assert len(README.split()) <= MAX_README_WORDS


def test_overview_lists_every_page() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGES["docs/README.md"])
    linked = {(DOCS / link).resolve().relative_to(ROOT) for link in links}
    assert {Path(name) for name in PAGES} - {Path("docs/README.md")} == linked


def _anchors(page: str) -> set[str]:
    """Return what a link may name after ``#``, as the hosts of repositories make it."""
    prose = re.sub(r"^ *```.*?^ *```$", "", page, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each).lower().replace(" ", "-") for each in headings}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", PAGES[name]):
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), target
        assert not anchor or anchor in _anchors(file.read_text(encoding="utf-8")), target


def _command_lines(page: str) -> set[tuple[str, str]]:
    """Return each command that is named, with what follows it."""
    code = re.findall(r"`([^`\n]+)`", page)
    lines = [each.partition("manage.py ")[2] for each in page.splitlines() if "manage.py " in each]
    commands = [re.fullmatch(r"(\w+)(.*)", re.split("`", each)[0]) for each in [*code, *lines]]
    return {(match[1], match[2]) for match in commands if match}


@pytest.mark.parametrize("name", PAGES)
def test_commands_that_are_named_exist(name: str) -> None:
    apps = get_commands()
    after_manage = set(re.findall(r"manage\.py ([a-z_]+)", PAGES[name])) - {"startproject"}
    assert after_manage <= apps.keys()
    for command, arguments in _command_lines(PAGES[name]):
        if command in apps:
            parser = load_command_class(apps[command], command).create_parser("manage.py", command)
            for option in re.findall(r"--[a-z-]+", arguments):
                assert option in parser.format_help(), f"{command} {option}"


@pytest.mark.parametrize("name", PAGES)
def test_settings_that_are_named_exist(name: str) -> None:
    sources = [
        path.read_text(encoding="utf-8") for path in (ROOT / "example_project").rglob("*.py")
    ]
    known = {
        *(each.name.upper() for each in fields(Settings)),
        *vars(global_settings),
        # What the example reads from the environment, and sets.
        *re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", "".join(sources)),
        *NAMES_OF_OTHERS,
        *(public for names in PUBLIC.values() for public in names),
    }
    named = re.findall(r"`([A-Z]{4,}(?:_[A-Z]+)*)`", PAGES[name])
    assert set(named) - known - {"DELETE", "POST", "CHECKPOINT"} == set()


@pytest.mark.parametrize("name", ["README.md", "docs/installation.md"])
def test_settings_block_is_accepted(name: str, settings: Any) -> None:
    names: dict[str, Any] = {}
    blocks = _blocks("python", PAGES[name])
    exec(next(block for block in blocks if "TOKEN_EXCHANGE =" in block), names)
    settings.TOKEN_EXCHANGE = names["TOKEN_EXCHANGE"]
    assert read_settings()[1] == []


def test_commands_exist_with_their_options() -> None:
    table = PAGES["docs/commands.md"]
    rows = re.findall(r"^\| `(\w+)([^`]*)` \| (.*) \|$", table, re.MULTILINE)
    ours = {name for name, app in get_commands().items() if app == "token_exchange"}
    assert ours == {name for name, _, _ in rows}
    for name, arguments, meaning in rows:
        parser = load_command_class("token_exchange", name).create_parser("manage.py", name)
        for option in re.findall(r"--[a-z-]+", f"{arguments} {meaning}"):
            assert option in parser.format_help(), f"{name} {option}"


def test_every_event_is_listed() -> None:
    paths = (path for package in PACKAGES for path in package.rglob("*.py"))
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in paths)
    expected = set().union(*map(_event_names, trees))
    table = PAGES["docs/logging.md"]
    assert expected == set(re.findall(r"^\| `([a-z_.]+)`", table, re.MULTILINE))


def test_every_check_is_listed() -> None:
    package = ROOT / "token_exchange" / "management" / "checks"
    sources = "".join(path.read_text(encoding="utf-8") for path in package.glob("*.py"))
    expected = set(re.findall(r'id="token_exchange\.([EW]\d+)"', sources))
    of_settings = {each.metadata["check_id"] for each in fields(Settings)}
    assert expected - of_settings == set(
        re.findall(r"^\| `([EW]\d+)` \|", PAGES["docs/settings.md"], re.MULTILINE)
    )


def test_the_check_of_each_setting_has_its_place_in_the_table() -> None:
    numbers = [int(each.metadata["check_id"].removeprefix("E")) for each in fields(Settings)]
    assert numbers == sorted(set(numbers))
    firsts = [number for number in numbers if number - 1 not in numbers]
    lasts = [number for number in numbers if number + 1 not in numbers]
    ranges = [
        f"`E{first:03}`" if first == last else f"`E{first:03}` to `E{last:03}`"
        for first, last in zip(firsts, lasts, strict=True)
    ]
    assert f"{' and '.join(ranges)} for a bad value" in PAGES["docs/settings.md"]


def test_tests_that_hold_a_promise_exist() -> None:
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    promises = page.partition("## What is promised")[2].partition("\n## ")[0]
    for promise in promises.split("\n* **")[1:]:
        named = re.findall(r"`(tests/[\w/]+\.py)`", promise)
        assert named, promise
        assert [name for name in named if not (ROOT / name).exists()] == []
