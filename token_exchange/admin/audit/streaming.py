"""How does a long download reach the browser in pieces, whichever way it is served?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse


def download(
    request: HttpRequest, pieces: Iterator[str], *, content_type: str, filename: str
) -> StreamingHttpResponse:
    """Answer with a file that is made while it is sent; nobody may keep it."""
    # Of what is not asynchronous, Django would first collect all under ASGI.
    is_async = isinstance(request, ASGIRequest)
    response = StreamingHttpResponse(
        _asynchronously(pieces) if is_async else pieces, content_type=content_type
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.headers["Cache-Control"] = "no-store"
    return response


async def _asynchronously(pieces: Iterator[str]) -> AsyncIterator[str]:
    following = sync_to_async(lambda: next(pieces, None))
    while (piece := await following()) is not None:
        yield piece
