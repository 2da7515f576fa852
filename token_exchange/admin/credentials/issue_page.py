"""The issue form, which creates exactly one credential."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import helpers
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import router, transaction
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from token_exchange.admin.act import act_of
from token_exchange.admin.base import TokenExchangeAdmin
from token_exchange.admin.credentials.change_page import BY_ID
from token_exchange.admin.credentials.show_once import show_secrets
from token_exchange.database.retries import retried
from token_exchange.issuer import credentials
from token_exchange.issuer.credentials import CredentialConflict, CredentialPolicy, IssuedSecret


def issue_view(model_admin: TokenExchangeAdmin, request: HttpRequest) -> HttpResponse:
    """Show the empty form, or issue a credential and show its secret.

    The form carries the new credential's identifier, so that submitting it twice does not create a
    second credential.
    """
    if not model_admin.has_add_permission(request):
        raise PermissionDenied
    form_class = model_admin.get_form(request, None, change=False)
    if request.method != "POST":
        return _render_form(model_admin, request, form_class())
    form = form_class(request.POST)
    try:
        identifier = signing.loads(
            request.POST.get("signed_identifier", ""), salt=_salt(model_admin, request)
        )
    except signing.BadSignature:
        form.add_error(
            None, _("This form is out of date or belongs to another user. Submit it again.")
        )
        return _render_form(model_admin, request, form)
    return _issue_once(model_admin, request, identifier, form)


def _issue_once(
    model_admin: TokenExchangeAdmin, request: HttpRequest, identifier: str, form: ModelForm[Any]
) -> HttpResponse:
    if model_admin.model.objects.on_writer().filter(identifier=identifier).exists():
        return _render_already_issued(model_admin, request, identifier)
    if form.is_valid():
        try:
            issued = _issue(model_admin, request, identifier, form)
        except CredentialConflict:  # the same form was submitted at the same moment
            return _render_already_issued(model_admin, request, identifier)
        except ValidationError as error:
            _add_errors(form, error)
        else:
            title = capfirst(_("%(kind)s issued") % {"kind": model_admin.opts.verbose_name})
            return show_secrets(model_admin, request, [issued], title=title)
    return _render_form(
        model_admin, request, form, signed_identifier=request.POST["signed_identifier"]
    )


def _salt(model_admin: TokenExchangeAdmin, request: HttpRequest) -> str:
    return f"token_exchange:issue {model_admin.model.KIND}:{request.user.pk}"


@retried
def _issue(
    model_admin: TokenExchangeAdmin, request: HttpRequest, identifier: str, form: ModelForm[Any]
) -> IssuedSecret:
    model = model_admin.model
    values = form.cleaned_data
    with transaction.atomic(using=(using := router.db_for_write(model))):
        issued = credentials.issue(
            kind=model.KIND,
            organization=values["organization"],
            name=values["name"],
            owner=values.get("owner"),
            policy=CredentialPolicy.from_columns(values),
            metadata=values["metadata"],
            identifier=identifier,
            act=act_of(request),
        )
        # Django's history refers to the proxy model.
        credential = model.objects.using(using).get(pk=issued.credential.pk)
        model_admin.log_addition(request, credential, [{"added": {}}])
    return issued


def _add_errors(form: ModelForm[Any], error: ValidationError) -> None:
    for name, errors in error.update_error_dict({}).items():
        form.add_error(name if name in form.fields else None, errors)


def _render_already_issued(
    model_admin: TokenExchangeAdmin, request: HttpRequest, identifier: str
) -> HttpResponse:
    credential = model_admin.model.objects.on_writer().filter(identifier=identifier).first()
    return model_admin.render(
        request,
        "already_issued.html",
        status=409,
        title=_("Already issued"),
        credential=credential,
        change_url=credential and model_admin.url("change", credential),
    )


def _render_form(
    model_admin: TokenExchangeAdmin,
    request: HttpRequest,
    form: ModelForm[Any],
    *,
    signed_identifier: str = "",
) -> HttpResponse:
    identifier = credentials.new_identifier(model_admin.model.KIND)
    fieldsets: Any = list(model_admin.get_fieldsets(request))
    admin_form = helpers.AdminForm(form, fieldsets, {}, (), model_admin=model_admin)
    title = _("Issue %(kind)s") % {"kind": model_admin.opts.verbose_name}
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "adminform": admin_form,
        "media": model_admin.media + admin_form.media,
        "errors": helpers.AdminErrorList(form, []),
        "inline_admin_formsets": [],
        "by_id_url": f"?{BY_ID}" if model_admin.get_autocomplete_fields(request) else None,
        "signed_identifier": signed_identifier
        or signing.dumps(identifier, salt=_salt(model_admin, request)),
    }
    return model_admin.render_change_form(request, context, add=True)
