"""Where the page is of what a line of the audit log speaks of, as long as there is one that its reader may open."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from server.auth.audit import AuditLine
from server.auth.permissions import Principal
from server.operations.audited_things import PresentThing, thing_of


def page_of(line: AuditLine, reader: Principal, present: Mapping[str, PresentThing]) -> str | None:
    """None for what is gone, or has no page that the reader can open."""
    thing = thing_of(line.action)
    if thing == "brand":
        return _of_brand(line, reader)
    if thing == "retention":
        return "/admin/storage"
    found = present.get(line.subject_id)
    if found is None:
        return None
    thing = str(line.detail.get("kind", "")) if thing == "access" else thing
    is_own = found.owner_id == reader.user_id
    name = quote(found.name, safe="") if is_own else f"{found.owner_id}:{quote(found.name, safe='')}"
    return {
        "batch": f"/batches/{found.id}",
        "dataset": f"/datasets/{name}",
        "fetch": f"/jobs/{found.id}",
        "import": f"/imports/{found.id}",
        "job": f"/jobs/{found.id}",
        "link": f"/batches/{found.id}",
        "template": f"/templates/{name}",
        "upload": f"/imports/new?upload={found.id}" if is_own else None,
    }.get(thing, f"/admin/users/{found.id}")


def _of_brand(line: AuditLine, reader: Principal) -> str | None:
    if line.subject == "server":
        return "/admin/brand"
    return "/account/brand" if line.user_id == reader.user_id else None
