"""The export of audit events as a streamed download."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from token_exchange.caching import forbid_caching
from token_exchange.models.audit_event import AuditEventQuerySet
from token_exchange.observability import audit_export


def export_response(
    request: HttpRequest, events: AuditEventQuerySet, *, file_format: str
) -> StreamingHttpResponse:
    """Return the events as a file in one of ``audit_export.FORMATS``, which no cache may store."""
    pieces = audit_export.FORMATS[file_format](audit_export.batches(events))
    # Under ASGI, Django would first collect all of a synchronous iterator.
    is_async = isinstance(request, ASGIRequest)
    response = StreamingHttpResponse(
        _asynchronous(pieces) if is_async else pieces,
        content_type=audit_export.CONTENT_TYPES[file_format],
    )
    response.headers["Content-Disposition"] = f'attachment; filename="audit.{file_format}"'
    forbid_caching(response)
    return response


async def _asynchronous(pieces: Iterator[str]) -> AsyncIterator[str]:
    next_piece = sync_to_async(lambda: next(pieces, None))
    while (piece := await next_piece()) is not None:
        yield piece
