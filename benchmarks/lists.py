"""Time and queries of the admin's lists with a million credentials and ten million tokens.

Needs PostgreSQL in DATABASE_URL. Creates a database whose name starts with the one there, fills it,
which takes some minutes, and drops it. Fails if a page has more queries than allowed or reads a
whole big table.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

import django
from children import HERE
from databases import postgresql
from django.conf import settings
from subjects.projects import Surroundings, settings_of
from table import Table

_ADMIN = ("admin", "messages", "sessions", "staticfiles")
_MAX_QUERIES = 12


def admin_settings(database: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of our project, with the admin beside it."""
    cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    ours = settings_of("ours", Surroundings(database=database, cache=cache))
    middleware = (
        "sessions.middleware.SessionMiddleware",
        "auth.middleware.AuthenticationMiddleware",
        "messages.middleware.MessageMiddleware",
    )
    processors = (
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    )
    templates = {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": processors},
    }
    return {
        **ours,
        "ROOT_URLCONF": "subjects.admin_urls",
        "STATIC_URL": "static/",
        "INSTALLED_APPS": [*(f"django.contrib.{each}" for each in _ADMIN), *ours["INSTALLED_APPS"]],
        "MIDDLEWARE": [f"django.contrib.{each}" for each in middleware],
        "TEMPLATES": [templates],
    }


def measure() -> tuple[Table, list[str]]:
    """Open each page, and return the figures, and which pages cost more than they may."""
    from tests.support.list_pages import BIG, list_pages, look, operator

    client, rows, faults = operator(), [], []
    for title, url in list_pages().items():
        seen = look(client, url)
        if seen.queries > _MAX_QUERIES or seen.scanned & BIG:
            faults.append(
                f"{title}: {seen.queries} queries, {sorted(seen.scanned)} read as a whole"
            )
        figures = (f"{seen.seconds * 1e3:,.0f}", str(seen.queries), f"{seen.rows:,}")
        rows.append((title, *figures))
    headings = ("", "ms", "queries", "rows and entries met")
    return Table(title="Pages of lists", headings=headings, rows=rows), faults


def main() -> None:
    """Fill, measure, and print."""
    sys.path.append(str(HERE.parent))  # for tests.support
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--credentials", type=int, default=1_000_000)
    parser.add_argument("--tokens-each", type=int, default=10)
    parser.add_argument("--organizations", type=int, default=100_000)
    parser.add_argument("--markdown", action="store_true", help="print the table in Markdown")
    wanted = parser.parse_args()
    with postgresql(os.environ["DATABASE_URL"]) as make:
        settings.configure(**admin_settings(make("lists")))
        django.setup()
        from django.core.management import call_command
        from django.test.utils import setup_test_environment
        from subjects.table_rows import settle

        from tests.support.many_rows import populate

        setup_test_environment()
        call_command("migrate", verbosity=0)
        populate(
            count=wanted.credentials,
            tokens_each=wanted.tokens_each,
            organizations=wanted.organizations,
        )
        settle()
        table, faults = measure()
        print(table.as_markdown() if wanted.markdown else table)
        sys.exit("\n".join(faults) or None)


if __name__ == "__main__":
    main()
