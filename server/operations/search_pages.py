"""Pages that can be found by what they are for, by whoever may open them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from server.auth.permissions import Principal, Role

Needs = Literal["", "editor", "admin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindablePage:
    """`hint` are other words for it."""

    url: str
    label: str
    hint: str = ""
    needs: Needs = ""

    def is_for(self, principal: Principal) -> bool:
        if self.needs == "admin":
            return principal.is_admin
        return not self.needs or principal.role is not Role.VIEWER

    def texts(self, translate: Callable[[str], str]) -> list[str]:
        """In the reader's language and in English: the first is what it is called."""
        return [translate(self.label), self.label, *([translate(self.hint), self.hint] if self.hint else [])]


PAGES = (
    FindablePage(url="/imports/new", label="Import a file", hint="Upload, new dataset, CSV, Excel", needs="editor"),
    FindablePage(url="/imports/fetch", label="Import from an address", hint="Fetch a file, URL, link", needs="editor"),
    FindablePage(url="/batches/new", label="Make reports", hint="New batch, order, generate", needs="editor"),
    FindablePage(url="/templates/new", label="New template", hint="Write a report template", needs="editor"),
    FindablePage(url="/", label="Home", hint="Start, overview"),
    FindablePage(url="/datasets", label="Datasets", hint="Data, tables"),
    FindablePage(url="/templates", label="Templates", hint="Layouts, gallery of templates"),
    FindablePage(url="/batches", label="Reports", hint="Batches, results"),
    FindablePage(url="/schedules", label="Schedules", hint="Calendar, cron, reports by themselves"),
    FindablePage(url="/jobs", label="Jobs", hint="Progress, queue, imports"),
    FindablePage(url="/notifications", label="Notifications", hint="Bell, messages"),
    FindablePage(url="/account", label="Account", hint="Language, time zone, profile, devices"),
    FindablePage(url="/account/sign-in", label="Sign-in", hint="Password, passkeys, second factor, tokens"),
    FindablePage(url="/account/brand", label="Brand", hint="Logo, colours of reports", needs="editor"),
    FindablePage(url="/links", label="Links to reports", hint="Share links, send a report", needs="editor"),
    FindablePage(url="/admin", label="Admin overview", hint="Health, load, monitoring", needs="admin"),
    FindablePage(url="/admin/users", label="Users", hint="People, invite somebody, roles", needs="admin"),
    FindablePage(url="/admin/groups", label="Groups", hint="Teams, members", needs="admin"),
    FindablePage(url="/admin/audit", label="Audit log", hint="Who did what", needs="admin"),
    FindablePage(url="/admin/alerts", label="Alerts", hint="Rules, warnings, maintenance", needs="admin"),
    FindablePage(url="/admin/connections", label="Connections", hint="Live sockets, clients", needs="admin"),
    FindablePage(url="/admin/storage", label="Storage", hint="Disk, quotas, retention, backups", needs="admin"),
    FindablePage(url="/admin/settings", label="Settings", hint="Configuration", needs="admin"),
    FindablePage(url="/admin/brand", label="Brand of the server", hint="Logo, colours of reports", needs="admin"),
    FindablePage(url="/websocket-test", label="Live test", hint="WebSocket, ping, latency"),
)
