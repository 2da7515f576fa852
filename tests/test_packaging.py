"""Versions, requirements and classifiers of ``pyproject.toml``, ``tox.ini`` and the packages."""

from __future__ import annotations

import configparser
import re
import tomllib
from importlib import metadata

import token_exchange
import token_exchange_core
from tests.support.paths import PACKAGES, ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
DEPENDENCIES = PYPROJECT["tool"]["hatch"]["build"]["hooks"]["custom"]["dependencies"]
CORE = tomllib.loads((ROOT / "core" / "pyproject.toml").read_text(encoding="utf-8"))


def _tox(section: str, option: str) -> str:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "tox.ini", encoding="utf-8")
    return parser[section][option]


def _classified(prefix: str) -> set[str]:
    """Return the versions that the classifiers name below ``prefix``."""
    pattern = re.compile(rf"{re.escape(prefix)} :: (\d+\.\d+)")
    return {match[1] for each in PROJECT["classifiers"] if (match := pattern.fullmatch(each))}


def _requirements() -> list[str]:
    extras = PROJECT["optional-dependencies"].values()
    groups = PYPROJECT["dependency-groups"].values()
    core = CORE["project"]
    lists = [DEPENDENCIES, *extras, *groups, core["dependencies"]]
    lists += core["optional-dependencies"].values()
    own = (f"{PROJECT['name']}[", f"{core['name']}[")
    return [each for requirements in lists for each in requirements if not each.startswith(own)]


def test_one_version() -> None:
    assert (
        token_exchange.__version__
        == metadata.version("django-token-exchange")
        == token_exchange_core.__version__
        == metadata.version("token-exchange-core")
    )


def test_the_package_is_marked_as_typed() -> None:
    assert [(package / "py.typed").read_bytes() for package in PACKAGES] == [b"", b""]


def test_every_requirement_has_a_floor_and_none_a_ceiling() -> None:
    floor = re.compile(r"[a-z0-9-]+(\[[a-z,-]+\])?>=[0-9.]+")
    assert [each for each in _requirements() if floor.fullmatch(each) is None] == []


def test_every_classified_version_is_tried() -> None:
    environments = _tox("tox", "env_list")
    pythons = {f"3.{minor}" for minor in re.findall(r"\b3(\d\d)\b", environments)}
    djangos = {".".join(digits) for digits in re.findall(r"(\d)(\d)\b", _djangos())}
    assert _classified("Programming Language :: Python") == pythons
    assert _classified("Framework :: Django") == djangos


def _djangos() -> str:
    return " ".join(re.findall(r"^django(\d\d):", _tox("testenv", "deps"), re.MULTILINE))


def test_the_floors_are_the_oldest_that_is_tried() -> None:
    assert PROJECT["requires-python"] == f">={_oldest('Programming Language :: Python')}"
    django = next(each for each in DEPENDENCIES if each.startswith("django>="))
    assert django.removeprefix("django>=").split(".")[:2] == _oldest("Framework :: Django").split(
        "."
    )


def _oldest(prefix: str) -> str:
    return min(_classified(prefix), key=lambda version: [int(part) for part in version.split(".")])
