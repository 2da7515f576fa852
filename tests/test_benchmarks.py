"""The benchmark command: its tables, its chart and its errors."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tests.support.paths import ROOT
from tests.support.subprocesses import environment, run_python

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("benchmarks")]

RUN = ROOT / "benchmarks" / "run.py"
SVG = "{http://www.w3.org/2000/svg}"


def run(*arguments: str):
    return run_python(str(RUN), *arguments, env=environment())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("benchmarks")


@pytest.fixture(scope="module")
def printed(folder) -> str:
    files = ("--chart", str(folder / "chart.svg"), "--markdown", str(folder / "table.md"))
    # Peers come with a group of their own; what is measured of ours is the same without.
    done = run("exchange", "verify", "purge", "--quick", "--without-peers", *files)
    assert done.returncode == 0, done.stderr
    return done.stdout


class TestQuick:
    @pytest.mark.parametrize(
        "title",
        [
            "Exchange a credential for a token (ES256): SQLite, 1,000 rows",
            "Verify a token that was seen before: SQLite, 1,000 rows",
            "Purge 1,000 expired tokens among 100 live ones: SQLite, 1,000 rows",
        ],
    )
    def test_prints_a_table_of_each_operation(self, printed, title):
        lines = printed.splitlines()
        floor, ours = lines[lines.index(title) + 2 :][:2]
        assert " 1.00 " in floor
        assert ours.split()[0] == "token_exchange"

    def test_a_cached_verification_asks_nothing(self, printed):
        lines = printed.splitlines()
        ours = lines[lines.index("Verify a token that was seen before: SQLite, 1,000 rows") + 3]
        assert ours.split()[:2] == ["token_exchange", "0"]

    def test_writes_the_same_as_markdown(self, printed, folder):
        titles = [line for line in printed.splitlines() if line.endswith(": SQLite, 1,000 rows")]
        written = (folder / "table.md").read_text(encoding="utf-8").splitlines()
        assert [f"### {title}" for title in titles] == [
            line for line in written if line.startswith("#")
        ]

    def test_draws_a_chart_that_can_be_read_without_seeing_it(self, printed, folder):
        chart = ET.parse(folder / "chart.svg").getroot()
        assert f"{SVG}svg" == chart.tag
        assert printed.strip() == (chart.findtext(f"{SVG}desc") or "").strip()


def test_unknown_operation_is_refused():
    done = run("exchnage")
    assert done.returncode == 2
    assert "no operation: exchnage" in done.stderr
