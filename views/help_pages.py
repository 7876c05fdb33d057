"""The documentation as pages: the guide in the reader's language, all else in English. Without scripts, for anybody."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ETag, web

from server import __version__
from server.auth.permissions import ANONYMOUS, Principal
from server.errors import NotFound
from server.help.chapters import LANGUAGES
from server.http.guards import current_principal, not_signed_in
from server.http.parts import operations_of, parts_of
from server.operations.help import HelpChapter
from views.context import language_of, render

_OTHER_NAMES = {"en": "English", "zh-CN": "简体中文"}
_MOST_FOUND = 30
_OVERVIEW = "help/contents.html"
_ASK_AGAIN = "private, no-cache"  # kept, but asked for again: who is signed in stands on it


async def help_page(request: web.Request) -> web.StreamResponse:
    """The contents; with `q` what was found."""
    return await _contents(request, language_of(request))


async def named_help_page(request: web.Request) -> web.StreamResponse:
    """The contents in a language, or a chapter in the reader's own."""
    name = request.match_info["name"]
    if name in LANGUAGES:
        return await _contents(request, name)
    operations, principal = operations_of(request).help, _reader_of(request)
    if any(chapter.name == name for chapter in operations.chapters(principal)):
        raise web.HTTPFound(f"/help/{_spoken(language_of(request))}/{name}")
    return await _missing(request, language_of(request), name)


async def chapter_page(request: web.Request) -> web.StreamResponse:
    language, name = request.match_info["language"], request.match_info["chapter"]
    if language not in LANGUAGES:
        return await _missing(request, language_of(request), name)
    try:
        shown = await operations_of(request).help.chapter(_known_reader(request, name), name, language=language)
    except NotFound:
        return await _missing(request, language, name)
    return await _cached(request, shown.digest, lambda: _shown(request, shown, language))


async def picture(request: web.Request) -> web.StreamResponse:
    path = operations_of(request).help.picture(request.match_info["file"])
    response = web.FileResponse(path, headers={"Cache-Control": "public, max-age=3600"})
    response.content_type = f"image/{path.suffix[1:]}"  # Python's own tables know no WebP
    return response


async def _shown(request: web.Request, shown: HelpChapter, language: str) -> web.Response:
    body = shown.document.html
    if shown.language != language:  # the reference has one text, and leads on in the language of its reader
        root = parts_of(request).base_path.text
        body = body.replace(f'href="{root}/help/{shown.language}/', f'href="{root}/help/{language}/')
    return await _page(request, "help/chapter.html", language, shown=shown, here=shown.chapter, body=body)


async def _contents(request: web.Request, language: str) -> web.StreamResponse:
    spoken, words = _spoken(language), request.query.get("q", "").strip()
    operations = operations_of(request).help
    found = await operations.find(spoken, words, _reader_of(request), limit=_MOST_FOUND + 1) if words else ()
    template = "help/found.html" if words else _OVERVIEW
    guide = await operations.guide(spoken)
    return await _page(
        request,
        template,
        spoken,
        q=words,
        found=found[:_MOST_FOUND],
        has_more=len(found) > _MOST_FOUND,
        guide=guide,
        here=None,
    )


async def _missing(request: web.Request, language: str, name: str) -> web.Response:
    meant = operations_of(request).help.like(_reader_of(request), name)
    return await _page(request, "help/missing.html", _spoken(language), status=404, name=name, meant=meant, here=None)


async def _page(request: web.Request, template: str, spoken: str, *, status: int = 200, **values: Any) -> web.Response:
    response = await render(
        request,
        template,
        status,
        spoken=spoken,
        spoken_names=[(tag, _OTHER_NAMES[tag]) for tag in LANGUAGES],
        chapters=operations_of(request).help.chapters(_reader_of(request)),
        is_overview=template == _OVERVIEW,
        **values,
    )
    response.enable_compression()  # in a thread: to a third
    return response


async def _cached(request: web.Request, digest: str, draw: Callable[[], Awaitable[web.Response]]) -> web.Response:
    """Not drawn at all for a browser that has it as it is."""
    tag = ETag(value=_digest_of(request, digest), is_weak=True)
    known = request.if_none_match
    if known and any(each.value in (tag.value, "*") for each in known):
        response = web.Response(status=304)
    else:
        response = await draw()
    response.etag = tag
    response.headers["Cache-Control"] = _ASK_AGAIN
    response.headers["Vary"] = "Accept-Encoding, Accept-Language, Cookie"
    return response


def _digest_of(request: web.Request, digest: str) -> str:
    """Of all that the page says: the text, and around it who reads, and what the server has to do without."""
    principal, parts = current_principal(request), parts_of(request)
    around = (principal.user_name, principal.role, principal.time_zone) if principal else ()
    said = (__version__, parts.static_files.address(""), digest, language_of(request), around, parts.lacks())
    return hashlib.sha256(repr((request.path_qs, *said)).encode()).hexdigest()[:32]


def _spoken(language: str) -> str:
    return language if language in LANGUAGES else LANGUAGES[0]


def _reader_of(request: web.Request) -> Principal:
    return current_principal(request) or ANONYMOUS


def _known_reader(request: web.Request, name: str) -> Principal:
    """A stranger is asked to sign in for what is not for everybody."""
    principal = _reader_of(request)
    if principal is ANONYMOUS and operations_of(request).help.is_for_admins(name):
        raise not_signed_in(request)
    return principal
