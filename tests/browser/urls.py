"""The site of the tests, with pages that are wrong on purpose."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path

from tests.urls import urlpatterns as site

START = (
    '<!doctype html><html lang="en"><title>Wrong</title>'
    '<link rel="stylesheet" href="/static/wrong/wrong.css"><main><h1>Wrong</h1>'
)
WRONG = {
    "script": "<script>document.title = 'Mine'</script>",
    "style": '<p style="color: red">Red</p>',
    "image": '<img src="/not/there.png" alt="Nothing">',
    "error": '<script src="/static/wrong/error.js"></script>',
    "button": "<button></button>",
    "contrast": '<p class="pale">Pale</p>',
    "width": '<svg width="3000" height="1"></svg>',
    "focus": '<a href="#a">Seen</a> <a class="unseen" href="#b">Unseen</a>',
}


def wrong(request: HttpRequest, what: str) -> HttpResponse:
    if what not in WRONG:
        raise Http404
    return HttpResponse(f"{START}{WRONG[what]}</main></html>")


urlpatterns = [path("wrong/<what>/", wrong), *site]
