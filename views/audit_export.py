"""The audit log as a file, for the page and the API."""

from __future__ import annotations

from aiohttp import web

from server.auth.audit_search import AuditFilter
from server.auth.permissions import Principal
from server.http.files import send_made
from server.http.made_files import head_of_made_file
from server.http.parts import operations_of, parts_of
from server.operations.audit_files import AuditFormat


async def send_audit(
    request: web.Request, principal: Principal, wanted: AuditFilter, file_format: AuditFormat
) -> web.StreamResponse:
    """Drawn from the database as fast as it is read. Raises `RateLimited`. Nothing was taken out by a HEAD."""
    name, media_type = f"audit.{file_format}", file_format.media_type
    if request.method == "HEAD":
        return head_of_made_file(name, media_type)
    with parts_of(request).answers.one_more(principal.user_id):
        pieces = await operations_of(request).audit.export(principal, wanted, file_format)
        return await send_made(request, pieces, name=name, media_type=media_type)
