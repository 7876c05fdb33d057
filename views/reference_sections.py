"""How the reference of the HTTP API is divided: sections that people look for, one page each, and the errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from server.errors import JinduError
from server.http.problems import http_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSection:
    """`name` is that of its page; `begins` is how the addresses of its operations begin. The longest one counts."""

    name: str
    title: str
    begins: tuple[str, ...]


SECTIONS = (
    ReferenceSection(
        name="account",
        title="Account and sign-in",
        begins=("/me", "/sessions", "/tokens", "/connections", "/people", "/favourites", "/recent", "/push"),
    ),
    ReferenceSection(name="uploads", title="Uploads and fetched files", begins=("/uploads", "/folders", "/fetches")),
    ReferenceSection(name="imports", title="Imports", begins=("/imports",)),
    ReferenceSection(name="datasets", title="Datasets", begins=("/datasets",)),
    ReferenceSection(name="queries", title="Queries", begins=("/queries",)),
    ReferenceSection(name="templates", title="Templates", begins=("/templates",)),
    ReferenceSection(
        name="reports",
        title="Batches and reports",
        begins=("/batches", "/reports", "/links", "/views", "/deliveries", "/held-addresses"),
    ),
    ReferenceSection(name="schedules", title="Schedules", begins=("/schedules",)),
    ReferenceSection(name="brand", title="Own brand", begins=("/brand",)),
    ReferenceSection(name="search", title="Search", begins=("/search",)),
    ReferenceSection(name="jobs", title="Jobs", begins=("/jobs",)),
    ReferenceSection(name="live", title="Events and this description", begins=("/events", "/openapi.json")),
    ReferenceSection(
        name="users", title="Admin: users", begins=("/admin/users", "/admin/groups", "/admin/invitations")
    ),
    ReferenceSection(
        name="alerts",
        title="Admin: alerts",
        begins=("/admin/alerts", "/admin/maintenance", "/admin/outbox", "/admin/walls"),
    ),
    ReferenceSection(name="server", title="Admin: the server", begins=("/admin",)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCode:
    """A code that an answer may carry, and what it says unless something more exact is known."""

    status: int
    code: str
    message: str


def section_of(path: str) -> str:
    """The name of the section of `/datasets/{name}`. Raises `ValueError` where none is for it."""
    fitting = [(begin, section.name) for section in SECTIONS for begin in section.begins if _below(path, begin)]
    return max(fitting, key=lambda found: len(found[0]))[1]


def _below(path: str, begin: str) -> bool:
    return path == begin or path.startswith((f"{begin}/", f"{begin}."))


def error_codes() -> list[ErrorCode]:
    """Of all errors that an answer can be, by status. What is told with figures is told by jobs alone."""
    found = {code: ErrorCode(status=status, code=code, message=text) for status, code, text in http_errors()}
    for kind in _below_class(JinduError):
        message = (kind.__doc__ or "").strip()
        if kind.status != JinduError.status and "{" not in message:
            found.setdefault(kind.code, ErrorCode(status=kind.status, code=kind.code, message=message))
    return sorted(found.values(), key=lambda error: (error.status, error.code))


def _below_class(kind: type[JinduError]) -> Iterator[type[JinduError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _below_class(each)
