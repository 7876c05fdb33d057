"""Help in place: which section of the guide belongs to a page, to a part of one, or to what a page refuses."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from server.help.chapters import guide_language


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpTopic:
    """`label` says what it is about to whoever hears the link: “Help: Import a file”."""

    chapter: str
    anchor: str
    label: str

    def url(self, language: str) -> str:
        return f"/help/{guide_language(language)}/{self.chapter}#{self.anchor}"


def _for_analysts(anchor: str, *, label: str) -> HelpTopic:
    return HelpTopic(chapter="analysts", anchor=anchor, label=label)


def _for_admins(anchor: str, *, label: str) -> HelpTopic:
    return HelpTopic(chapter="administrators", anchor=anchor, label=label)


def _for_scripts(anchor: str, *, label: str) -> HelpTopic:
    return HelpTopic(chapter="script-authors", anchor=anchor, label=label)


_IMPORTING = _for_analysts("importing-files", label="Import a file")
_SHARING = _for_analysts("sharing", label="Share with colleagues")
_SIGNING_IN = _for_analysts("signing-in", label="Sign in")
_SIX_DIGITS = _for_analysts("second-factor", label="Six digits, or a passkey")
_VERSIONS = _for_analysts("versions", label="Versions")
_TEMPLATE_VERSIONS = _for_analysts("template-versions", label="Versions of a template")
_EDITOR = _for_analysts("editor", label="The editor")
_UPLOADED = _for_analysts("uploaded-files", label="Uploaded files")
_MAILS = _for_analysts("mails", label="Notifications by e-mail")
_LINKS = _for_analysts("share-links", label="Show reports to people without an account")
_SENDING = _for_analysts("sending-files", label="Send files to another browser")
_CONNECTIONS = _for_admins("connections", label="Who is connected, and telling everybody")

PAGES: dict[str, HelpTopic | None] = {
    "/": _IMPORTING,
    "/login": _SIGNING_IN,
    "/login/code": _SIX_DIGITS,
    "/setup": _SIGNING_IN,
    "/invitation": _SIGNING_IN,
    "/reset-password": _SIGNING_IN,
    "/account": _for_analysts("account", label="Your account"),
    "/mail/confirm": _MAILS,
    "/mail/stop": _MAILS,
    "/account/sign-in": _SIX_DIGITS,
    "/account/linked": _for_analysts("company-account", label="Your company's account"),
    "/account/links": _LINKS,
    "/account/brand": _for_analysts("brand", label="Logo, color and letters"),
    "/notifications": _for_analysts("notifications", label="The bell"),
    "/imports": _IMPORTING,
    "/imports/new": _IMPORTING,
    "/imports/fetch": _UPLOADED,
    "/imports/{job_id}/rejects": _for_analysts("rejected-rows", label="Correct rows that were left out"),
    "/imports/{job_id}/correct": _for_analysts("rejected-rows", label="Correct rows that were left out"),
    "/datasets": _for_analysts("datasets", label="Look at data, query, export"),
    "/datasets/{name}/versions": _VERSIONS,
    "/datasets/{name}/diff": _VERSIONS,
    "/datasets/{name}/access": _SHARING,
    "/templates": _for_analysts("templates", label="Make a template"),
    "/templates/new": _EDITOR,
    "/templates/{name}/edit": _EDITOR,
    "/templates/{name}/versions": _TEMPLATE_VERSIONS,
    "/templates/{name}/diff": _TEMPLATE_VERSIONS,
    "/templates/{name}/access": _SHARING,
    "/batches": _for_analysts("making-reports", label="Make reports"),
    "/batches/{id}": _for_analysts("failed-reports", label="When a report failed"),
    "/batches/{id}/access": _SHARING,
    "/reports": _for_analysts("report", label="Read a report"),
    "/schedules": _for_analysts("schedules", label="Reports that come by themselves"),
    "/jobs": _for_analysts("jobs", label="Find jobs, and stop or repeat many"),
    "/jobs/{id}": _for_analysts("states", label="What a state means"),
    "/s": _for_analysts("opened-link", label="You were sent a link"),
    "/links": _LINKS,
    "/unsubscribe": _for_analysts("unwanted-mail", label="You get mail that you do not want"),
    "/admin": _for_admins("overview", label="Is everything well?"),
    "/admin/alerts": _for_admins("alerts", label="Alerts"),
    "/admin/users": _for_admins("people", label="Let somebody in, or keep somebody out"),
    "/admin/groups": _for_admins("groups", label="Groups"),
    "/admin/connections": _CONNECTIONS,
    "/admin/broadcast": _CONNECTIONS,
    "/admin/brand": _for_admins("server-brand", label="The look of everybody's reports"),
    "/admin/audit": _for_admins("audit-log", label="Who did what"),
    "/docs": _for_scripts("http-api", label="Everything else"),
    "/docs/events": _for_scripts("live-events", label="Hear what happens, live"),
    "/docs/graphql": _for_scripts("graphql", label="GraphQL"),
    "/help": None,
    "/send": _SENDING,
    "/wall": None,
    "/offline": None,
    "/websocket-test": _for_scripts("test-page", label="Try the live connection"),
}
"""By the address of a page; what lies below one that is named has the same, unless it is named itself."""

SECTIONS_OF_ADMIN = {
    "connections": _CONNECTIONS,
    "storage": _for_admins("storage", label="Room on the disk"),
    "settings": _for_admins("server-settings", label="Settings"),
}
"""By the last part of the address of a page of `/admin/{section}`."""

PARTS_OF_PAGES: dict[str, HelpTopic | None] = {
    "problems": _for_analysts("problems", label="What to look at"),
    "parts": _for_admins("parts", label="What the parts are"),
    "fetching": _for_admins("fetching", label="Where files may be fetched from"),
}
"""By the name that templates give them."""

_REFUSED = _for_analysts("refused", label="When a page says no")
_EXPLAINED = frozenset({403, 404, 409, 412, 413, 422, 429, 503, 507})


def topic_of(request: web.Request) -> HelpTopic | None:
    """Of the page that this request is for."""
    resource = request.match_info.route.resource
    path = resource.canonical if resource is not None else request.path
    return topic_of_path(path, request.match_info.get("section", ""))


def topic_of_path(path: str, section: str = "") -> HelpTopic | None:
    """Of a page by the pattern of its address, and what `{section}` in it is."""
    if path == "/admin/{section}":
        return SECTIONS_OF_ADMIN.get(section)
    while path not in PAGES and path.strip("/"):
        path = path.rpartition("/")[0]
    return PAGES.get(path)


def topic_of_refusal(status: int) -> HelpTopic | None:
    """Of an error, where the guide says what to do about it."""
    return _REFUSED if status in _EXPLAINED else None
