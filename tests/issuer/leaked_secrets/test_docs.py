"""docs/leaks.md and SECURITY.md against the code: the checksum and the patterns."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.management.commands.conftest import text
from tests.support.factories import make_api_key, make_client_app
from tests.support.paths import ROOT

pytestmark = pytest.mark.django_db

PAGE = (ROOT / "docs" / "leaks.md").read_text(encoding="utf-8")
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


@pytest.fixture
def has_checksum() -> Any:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    return names["has_checksum"]


@pytest.mark.parametrize("make", [make_api_key, make_client_app])
def test_checksum_of_the_page_tells_secrets_from_typos(has_checksum, make):
    raw_secret = make().raw_secret
    assert has_checksum(raw_secret)
    for place in range(len(raw_secret)):
        other = "a" if raw_secret[place] != "a" else "b"
        assert not has_checksum(raw_secret[:place] + other + raw_secret[place + 1 :])


def test_patterns_of_the_pages_are_those_printed():
    printed = text("print_secret_patterns")
    assert f"$ python manage.py print_secret_patterns\n{printed}```" in PAGE
    for regex in re.findall(r"'''(.*?)'''", printed):
        assert f"\n{regex}\n" in SECURITY
