"""Where the pages of the admin are."""

from __future__ import annotations

from typing import Any

from django.urls import reverse


def page(model: str, name: str, obj: Any = None) -> str:
    args = () if obj is None else (obj.pk,)
    return reverse(f"admin:token_exchange_{model}_{name}", args=args)


def credential_page(credential: Any, name: str) -> str:
    return page(credential.kind.replace("_", ""), name, credential)
