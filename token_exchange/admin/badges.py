"""State badges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.html import format_html
from django.utils.safestring import SafeString

if TYPE_CHECKING:
    from django.db.models import TextChoices


def badge(state: TextChoices) -> SafeString:
    """Return a state's label as a badge; its colour only repeats what the label says."""
    return format_html('<span class="te-badge te-{}">{}</span>', state.value, state.label)
