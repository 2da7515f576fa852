"""URLs of the app's admin pages."""

from __future__ import annotations

from typing import Any

from django.urls import reverse


def admin_url(model: str, name: str, obj: Any = None) -> str:
    args = () if obj is None else (obj.pk,)
    return reverse(f"admin:token_exchange_{model}_{name}", args=args)


def credential_url(credential: Any, name: str) -> str:
    return admin_url(credential.kind.replace("_", ""), name, credential)
