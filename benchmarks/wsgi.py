"""WSGI application of the subject that BENCHMARKS_SUBJECT names."""

from __future__ import annotations

import json
import os

import django
from django.conf import settings
from subjects.projects import Surroundings, settings_of

_wanted = json.loads(os.environ["BENCHMARKS_SUBJECT"])
settings.configure(**settings_of(_wanted["project"], Surroundings(**_wanted["surroundings"])))
django.setup()

from subjects.requests import application as _application  # noqa: E402 - needs the settings

application = _application()
