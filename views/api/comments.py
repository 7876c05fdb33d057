"""`/api/v1/reports/{id}/comments`: what people who may see a report write to each other about it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from server.http.based_requests import outside
from server.http.endpoint import IDEMPOTENCY_KEY, Call, Endpoint, Header, NoQuery, PageByNumber, encoded
from server.http.values import KEY_SCHEMA, described
from server.operations.comments import MAX_TEXT, SeenComment
from server.storage.pages import Listing

_PLAIN = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
_TEXT = described(minLength=1, maxLength=MAX_TEXT, pattern=rf"^{_PLAIN}*[^\x00-\x20\x7f-\xa0\s]{_PLAIN}*$")


class CommentRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`text` is plain. `@mei`, or `@"Mei Li"`, tells her, if she may see the report."""

    text: Annotated[str, _TEXT]


class CommentItem(msgspec.Struct, frozen=True, kw_only=True):
    """A comment. `deleted`: it is gone, and its place is kept since others answered; then `text` is empty.

    `mentions` were told. `untold`, in one's own comments alone, are those who were not: nobody is called so, or they
    may not see the report.
    """

    id: str
    report_id: str
    author: str
    text: str
    mentions: list[str]
    untold: list[str]
    created_at: datetime
    edited_at: datetime | None
    deleted: bool
    may_edit: bool
    may_delete: bool
    links: dict[str, str]


class CommentList(Listing[CommentItem], frozen=True, kw_only=True):
    pass


class CommentQuery(PageByNumber, frozen=True, kw_only=True):
    """Newest first; `cursor` is `next_cursor` of the page before, `q` is looked for in their texts."""


class ReaderQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`q`: only names that hold this; those that begin so come first."""

    q: Annotated[str, Meta(max_length=64)] = ""


class ReaderList(msgspec.Struct, frozen=True, kw_only=True):
    users: list[str]


async def list_comments(call: Call[None, CommentQuery]) -> CommentList:
    page = await call.operations.comments.list(
        call.principal, call.path["id"], q=call.query.q or "", limit=call.query.limit, cursor=call.query.cursor
    )
    items = [comment_item(each) for each in page.items]
    return CommentList(items=items, total=page.total, next_cursor=page.next_cursor)


async def list_readers(call: Call[None, ReaderQuery]) -> ReaderList:
    names = await call.operations.comments.readers(call.principal, call.path["id"], q=call.query.q)
    return ReaderList(users=list(names))


async def write_comment(call: Call[CommentRequest, NoQuery]) -> web.Response:
    key = call.request.headers.get(IDEMPOTENCY_KEY)
    written = await call.operations.comments.write(call.principal, call.path["id"], call.body.text, idempotency_key=key)
    item = comment_item(written)
    return encoded(item, status=201, headers={"Location": item.links["self"]})


async def edit_comment(call: Call[CommentRequest, NoQuery]) -> CommentItem:
    comments = call.operations.comments
    return comment_item(await comments.edit(call.principal, call.path["id"], call.path["comment_id"], call.body.text))


async def delete_comment(call: Call[None, NoQuery]) -> None:
    await call.operations.comments.delete(call.principal, call.path["id"], call.path["comment_id"])


def comment_item(seen: SeenComment) -> CommentItem:
    comment = seen.comment
    base = outside(f"/api/v1/reports/{comment.report_id}/comments/{comment.id}")
    return CommentItem(
        id=comment.id,
        report_id=comment.report_id,
        author=comment.author,
        text=comment.text,
        mentions=comment.named,
        untold=list(seen.untold),
        created_at=comment.created_at,
        edited_at=comment.edited_at,
        deleted=comment.deleted_at is not None,
        may_edit=seen.may_edit,
        may_delete=seen.may_delete,
        links={"self": base, "page": outside(f"/reports/{comment.report_id}#comment-{comment.id}")},
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/reports/{id}/comments",
        name="api_comments",
        handler=list_comments,
        summary="Comments on a report, newest first; for whoever may see it",
        query=CommentQuery,
        answer=CommentList,
        errors=(404,),
    ),
    Endpoint(
        method="POST",
        path="/reports/{id}/comments",
        name="api_comment_write",
        handler=write_comment,
        summary="Comment on a report; viewers may, tokens that only read may not",
        headers=[
            Header(
                name=IDEMPOTENCY_KEY,
                said="The same key again answers the comment as it is now, and writes nothing. "
                "For another comment it is refused (409).",
                schema=KEY_SCHEMA,
            )
        ],
        body=CommentRequest,
        answer=CommentItem,
        status=201,
        errors=(403, 404, 409, 422, 429),
    ),
    Endpoint(
        method="PATCH",
        path="/reports/{id}/comments/{comment_id}",
        name="api_comment_edit",
        handler=edit_comment,
        summary="Change a comment of one's own within a quarter of an hour",
        body=CommentRequest,
        answer=CommentItem,
        errors=(403, 404, 409, 422, 429),
    ),
    Endpoint(
        method="DELETE",
        path="/reports/{id}/comments/{comment_id}",
        name="api_comment_delete",
        handler=delete_comment,
        summary="Delete a comment: one's own, or as the owner of the report or an administrator",
        status=204,
        errors=(403, 404),
    ),
    Endpoint(
        method="GET",
        path="/reports/{id}/readers",
        name="api_report_readers",
        handler=list_readers,
        summary="Names of others who may see a report, twenty at most, to mention them in a comment",
        query=ReaderQuery,
        answer=ReaderList,
        errors=(404,),
    ),
]
