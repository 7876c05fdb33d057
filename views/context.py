"""How pages are rendered: the Jinja environment, the reader's language and time zone, and what every page knows."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web
from markupsafe import Markup

from server import __version__
from server.alerts.subject import WatchedSubject
from server.alerts.words import limit_phrase, value_phrase, what_phrase
from server.auth.networks import network_of
from server.auth.permissions import Principal
from server.clock import utc_now
from server.http.addresses import client_address
from server.http.guards import current_principal
from server.http.parts import PARTS, parts_of
from server.http.sessions import wanted_language, wanted_time_zone
from server.jobs.shown import missing_percent, shown_state
from server.languages import babel_locale
from server.places import COMPILED, STATIC, TEMPLATES
from server.reports.parameter_texts import value_text as parameter_text
from server.texts import told
from views.comment_text import comment_text
from views.formats import ReaderFormats, is_repeated
from views.help_links import PARTS_OF_PAGES, HelpTopic, topic_of
from views.kept_templates import kept_templates
from views.owned import key_filter, owner_query_filter, page_filter, path_filter, sql_name_path

_SCRIPTS = STATIC / "js"
_DIGEST_CHARACTERS = 16
_ICONS = STATIC / "vendor" / "lucide-static-0.544.0"

# Who reads the page being rendered. Imported macros do not see a template's variables, so filters and
# translations look here; `render` sets it around the (synchronous) rendering, and nowhere else.
_reader: ContextVar[ReaderFormats] = ContextVar("reader")
_topic: ContextVar[HelpTopic | None] = ContextVar("topic")

_FILTERS = (
    "number",
    "percent",
    "share",
    "change",
    "filesize",
    "duration",
    "datetime",
    "time",
    "date",
    "month",
    "clock",
    "until",
    "relative",
    "exact",
    "is_of_late",
    "value_in_words",
    "counted",
    "listed",
    "pace",
    "error_text",
    "warning_text",
)


def setup_templates(app: web.Application) -> None:
    """Give `app` its templates."""
    env = aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=kept_templates(COMPILED),
    )
    env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: _reader.get().gettext(text),
        lambda *texts: _reader.get().ngettext(*texts),
        newstyle=True,
        pgettext=lambda context, text: _reader.get().pgettext(context, text),
    )
    for name in _FILTERS:
        env.filters[name] = _by_reader(name)
    env.filters["marked"] = lambda text, needles, raw="": _reader.get().marked(text, needles, raw)
    env.filters["fixed"] = lambda value, decimals: _reader.get().fixed(value, decimals)
    env.filters["phrased"] = lambda said: told("{said}", {"said": said}, _reader.get().gettext)
    env.globals["what_of"] = lambda alert: told("{said}", {"said": what_phrase(alert)}, _reader.get().gettext)
    env.globals["limit_of"] = lambda alert: told("{said}", {"said": limit_phrase(alert)}, _reader.get().gettext)
    env.filters["measured"] = lambda value, subject: _measured(value, subject)
    env.filters["translated"] = lambda text: _reader.get().gettext(text)
    kinds = app[PARTS].job_kinds
    env.filters["waiting_for"] = lambda job: _reader.get().waiting_for(job, kinds)
    env.globals["icon"] = _icon_reader()
    env.globals["help_here"] = _topic.get
    env.globals["help_about"] = PARTS_OF_PAGES.__getitem__
    env.filters["help_url"] = lambda topic: topic.url(_reader.get().language)
    env.globals["job_kind"] = kinds.shown
    env.filters["shown_state"] = lambda job: shown_state(job, kinds.shown(job.kind))
    env.filters["state_text"] = lambda job: _reader.get().state_text(job, kinds)
    env.filters["value_text"] = lambda job: _reader.get().value_text(job, kinds)
    env.filters["parameter_text"] = parameter_text
    env.filters["path"] = path_filter
    env.filters["page"] = page_filter
    env.filters["comment_text"] = comment_text
    env.filters["key"] = key_filter
    env.filters["sql_path"] = sql_name_path
    env.filters["owner_query"] = owner_query_filter
    env.tests["repeated"] = is_repeated
    env.filters["missing_percent"] = lambda job: missing_percent(job, kinds.shown(job.kind))
    env.globals["openid_label"] = app[PARTS].operations.openid.label
    env.globals["pushes"] = app[PARTS].operations.push.is_set_up
    env.globals["has_peers"] = app[PARTS].operations.peers.is_on
    env.globals["version"] = __version__
    base = app[PARTS].base_path
    env.globals["root"] = base.text
    env.globals["static"] = lambda name: base.outside(app[PARTS].static_files.address(name))
    env.filters["outside"] = base.outside
    env.globals["has_graphql"] = app[PARTS].settings.graphql
    env.globals["live_scripts"] = _digest_of_live_scripts()


def _measured(value: float | None, subject: WatchedSubject) -> str:
    if value is None:
        return _reader.get().gettext("not known")
    return told("{said}", {"said": value_phrase(subject, value)}, _reader.get().gettext)


async def render(request: web.Request, template: str, /, status: int = 200, **values: Any) -> web.Response:
    """The page `template` with `values`, in the reader's language. Fragments are rendered the same way.

    In a thread: a page of a thousand columns takes a second, and nobody else should wait for it. Readers take turns;
    raises `RateLimited` or `Unavailable` for whoever asks for too many at once.
    """
    response = web.Response(
        body=await parts_of(request).drawing.draw(
            partial(_rendered, request, template, status=status, **values), reader=_turn_taker(request)
        ),
        status=status,
        content_type="text/html",
        charset="utf-8",
    )
    # Pages are private and live: the back button must not show what was true then.
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _turn_taker(request: web.Request) -> str:
    """Strangers of one network take turns as if they were one."""
    principal = current_principal(request)
    return principal.user_id if principal else network_of(client_address(request))


def _rendered(request: web.Request, template: str, /, **values: Any) -> bytes:
    return render_text(request, template, **values).encode()


def render_text(request: web.Request, template: str, /, **values: Any) -> str:
    reader = formats_for(request)
    token, topic_token = _reader.set(reader), _topic.set(topic_of(request))
    try:
        env = aiohttp_jinja2.get_env(request.app)
        return env.get_template(template).render(_known_to_all_pages(request, reader) | values)
    finally:
        _reader.reset(token)
        _topic.reset(topic_token)


def language_of(request: web.Request) -> str:
    """The reader's own setting, else the language they chose in this browser, else what the browser asks for."""
    principal = current_principal(request)
    return principal.language if principal else wanted_language(request)


def formats_for(request: web.Request) -> ReaderFormats:
    """How the reader of this request wants numbers, times and texts."""
    language = language_of(request)
    principal = current_principal(request)
    return ReaderFormats(
        language=language,
        translations=parts_of(request).languages.of(language),
        time_zone=principal.time_zone if principal else wanted_time_zone(request),
        now=utc_now(),
        reader_id=principal.user_id if principal else "",
    )


def _known_to_all_pages(request: web.Request, reader: ReaderFormats) -> dict[str, Any]:
    principal: Principal | None = current_principal(request)
    return {
        "request": request,
        "principal": principal,
        "lacks": parts_of(request).lacks(),
        "language": reader.language,
        "language_names": _language_names(request),
        "time_zone": reader.time_zone,
        "now": reader.now,
        "path": request.path,
        "js_messages": _translated_messages(request, reader),
    }


def _language_names(request: web.Request) -> list[tuple[str, str]]:
    """Each language by its own name: who looks for 中文 does not look for "Chinese"."""
    return [(tag, _own_name(tag)) for tag in sorted(parts_of(request).languages.catalogues)]


def _own_name(tag: str) -> str:
    if tag == "zh-CN":
        return "简体中文"  # shorter than CLDR's
    locale = babel_locale(tag)
    return (locale.get_display_name(locale) or str(locale)).capitalize()


def _translated_messages(request: web.Request, reader: ReaderFormats) -> dict[str, str]:
    """Only what differs from English: the English text is the key."""
    pairs = ((text, reader.gettext(text)) for text in parts_of(request).languages.script_texts)
    return {text: translated for text, translated in pairs if translated != text}


def _by_reader(name: str) -> Callable[..., str]:
    def format_value(value: Any) -> str:
        formatted: str = getattr(_reader.get(), name)(value)
        return formatted

    return format_value


def _digest_of_live_scripts() -> str:
    """Pages with other scripts share no connection with those that have these."""
    scripts = sorted(_SCRIPTS.glob("live-*.js"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in scripts)).hexdigest()[:_DIGEST_CHARACTERS]


@functools.cache
def _icon_reader() -> Callable[[str], Markup]:
    drawings = {path.stem: _one_line(path.read_text("utf-8")) for path in _ICONS.glob("*.svg")}

    def icon(name: str) -> Markup:
        return Markup('<span class="icon icon--{}" aria-hidden="true">{}</span>').format(name, drawings[name])

    return icon


def _one_line(drawing: str) -> Markup:
    """Without the comment and line breaks: an icon stands dozens of times in a page, its licence beside its file."""
    return Markup(" ".join(drawing.partition("-->")[2].split()))  # noqa: S704 - our own file
