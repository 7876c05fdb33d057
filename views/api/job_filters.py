"""`/api/v1/jobs/filters`: filters of the page of jobs that somebody keeps under a name."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from server.clock import rfc3339
from server.http.endpoint import Call, Endpoint, NoQuery
from server.http.values import line
from server.jobs.kept_filters import NAME_CHARACTERS, KeptFilter
from views.jobs import url_with

# Blanks around it are left out, and nothing else may be invisible.
_FilterName = Annotated[str, line(NAME_CHARACTERS, least=1)]
_Text = Annotated[str, Meta(max_length=300)]
_Day = Annotated[str, Meta(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")]


class JobFilterFields(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename={"since": "from", "until": "to"},
):
    """As in the address of the page: `within` days, or days `from` … `to` of creation or, with `when`, of the end."""

    q: _Text = ""
    state: Literal["queued", "running", "succeeded", "failed", "cancelled", "partial", ""] = ""
    kind: _Text = ""
    within: Literal["1", "7", "30", ""] = ""
    user: _Text = ""
    error: _Text = ""
    when: Literal["ended", ""] = ""
    since: _Day = ""
    until: _Day = ""


class JobFilterAnswer(Struct, frozen=True, kw_only=True):
    """`page` is where its jobs are listed."""

    name: str
    fields: dict[str, str]
    page: str
    created_at: str


class JobFilterList(Struct, frozen=True, kw_only=True):
    items: list[JobFilterAnswer]


def _answer(kept: KeptFilter) -> JobFilterAnswer:
    return JobFilterAnswer(
        name=kept.name, fields=kept.fields, page=url_with("/jobs", kept.fields), created_at=rfc3339(kept.created_at)
    )


async def list_filters(call: Call[None, NoQuery]) -> JobFilterList:
    return JobFilterList(items=[_answer(kept) for kept in await call.operations.job_filters.list(call.principal)])


async def keep_filter(call: Call[JobFilterFields, NoQuery]) -> web.Response:
    await call.operations.job_filters.keep(call.principal, call.path["name"], msgspec.to_builtins(call.body))
    return web.Response(status=204)


async def remove_filter(call: Call[None, NoQuery]) -> web.Response:
    await call.operations.job_filters.remove(call.principal, call.path["name"])
    return web.Response(status=204)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/jobs/filters",
        name="list_job_filters",
        handler=list_filters,
        summary="Your filters of jobs, by name.",
        answer=JobFilterList,
    ),
    Endpoint(
        method="PUT",
        path="/jobs/filters/{name}",
        name="keep_job_filter",
        handler=keep_filter,
        summary="Keep a filter under a name, in place of the one that has it.",
        access="write",
        places={"name": _FilterName},
        body=JobFilterFields,
        status=204,
    ),
    Endpoint(
        method="DELETE",
        path="/jobs/filters/{name}",
        name="remove_job_filter",
        handler=remove_filter,
        summary="Remove a filter; its jobs stay.",
        access="write",
        places={"name": _FilterName},
        status=204,
        errors=(404,),
    ),
]
