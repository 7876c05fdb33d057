"""`/admin/maintenance` and `/admin/walls`: silence while somebody works on the server, and screens on walls."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from server.alerts.windows import MOST_SECONDS, MaintenanceWindow
from server.auth.wall_tokens import WallToken
from server.http.based_requests import outside
from server.http.endpoint import Call, Endpoint, NoQuery, ShortPage
from server.http.parts import parts_of
from server.http.short_lists import cut
from server.http.values import TimeZone, line
from server.operations.maintenance import MOST_NOTE
from server.operations.wall import MOST_WALL_NAME
from server.storage.pages import Listing

WallClock = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$", max_length=19)]


class NewWindow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`begin` is what the clock on the wall of `time_zone` (yours) shows, as `2026-12-05T22:00`; without it, now."""

    minutes: Annotated[float, Meta(ge=1, le=MOST_SECONDS / 60)]
    begin: WallClock | None = None
    time_zone: TimeZone | None = None
    weekly: bool = False
    note: Annotated[str, line(MOST_NOTE)] = ""


class WindowInfo(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    begin: str
    time_zone: str
    minutes: float
    weekly: bool
    note: str
    created_by: str
    created_at: datetime


class WindowState(WindowInfo, frozen=True, kw_only=True):
    """`next_begin` and `next_end` are of the time that is under way or comes next."""

    under_way: bool
    next_begin: datetime | None
    next_end: datetime | None


class WindowList(Listing[WindowState], frozen=True, kw_only=True):
    pass


class NewWall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`shows_names`: also titles of jobs, and whose they are."""

    name: Annotated[str, line(MOST_WALL_NAME, least=1)]
    shows_names: bool = False


class WallInfo(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    shows_names: bool


class MadeWall(WallInfo, frozen=True, kw_only=True):
    """`address` is shown once: whoever has it sees the figures."""

    address: str


class WallList(Listing[WallInfo], frozen=True, kw_only=True):
    pass


async def list_windows(call: Call[None, ShortPage]) -> WindowList:
    found = await call.operations.maintenance.windows(call.principal)
    page = cut(found, call.query, lambda each: f"{each.window.note} {each.window.created_by}")
    items = [
        WindowState(
            **_window(each.window),
            under_way=each.is_under_way,
            next_begin=each.next[0] if each.next else None,
            next_end=each.next[1] if each.next else None,
        )
        for each in page.items
    ]
    return WindowList(items=items, next_cursor=page.next_cursor, total=page.total)


async def plan_window(call: Call[NewWindow, NoQuery]) -> WindowInfo:
    body = call.body
    window = await call.operations.maintenance.plan(
        call.principal,
        minutes=body.minutes,
        begin=body.begin,
        time_zone=body.time_zone,
        is_weekly=body.weekly,
        note=body.note,
    )
    return WindowInfo(**_window(window))


async def end_window(call: Call[None, NoQuery]) -> None:
    await call.operations.maintenance.end(call.principal, call.path["window_id"])


async def list_walls(call: Call[None, ShortPage]) -> WallList:
    found = await call.operations.wall.screens(call.principal)
    page = cut(found, call.query, lambda each: f"{each.name} {each.created_by}")
    items = [WallInfo(**_wall(each)) for each in page.items]
    return WallList(items=items, next_cursor=page.next_cursor, total=page.total)


async def add_wall(call: Call[NewWall, NoQuery]) -> MadeWall:
    token, secret = await call.operations.wall.add(
        call.principal, name=call.body.name, shows_names=call.body.shows_names
    )
    return MadeWall(**_wall(token), address=wall_address(call.request, secret))


async def remove_wall(call: Call[None, NoQuery]) -> None:
    await call.operations.wall.remove(call.principal, call.path["wall_id"])


def wall_address(request: web.Request, secret: str) -> str:
    """Behind the `#`, so that no proxy and no log ever sees it. A path while the server knows no address of its own."""
    parts = parts_of(request)
    public = parts.settings.public_url
    return f"{parts.base_path.address(public)}/wall#{secret}" if public else outside(f"/wall#{secret}")


def _window(window: MaintenanceWindow) -> dict[str, Any]:
    return {
        "id": window.id,
        "begin": window.begin.isoformat(timespec="seconds"),
        "time_zone": window.time_zone,
        "minutes": window.seconds / 60,
        "weekly": window.is_weekly,
        "note": window.note,
        "created_by": window.created_by,
        "created_at": window.created_at,
    }


def _wall(token: WallToken) -> dict[str, Any]:
    return {name: getattr(token, name) for name in WallInfo.__struct_fields__}


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/admin/maintenance",
        name="api_maintenance",
        handler=list_windows,
        summary="Maintenance that comes, is under way, or was in the last week",
        access="admin",
        query=ShortPage,
        answer=WindowList,
    ),
    Endpoint(
        method="POST",
        path="/admin/maintenance",
        name="api_plan_maintenance",
        handler=plan_window,
        summary="Plan maintenance, or begin it now",
        access="admin",
        body=NewWindow,
        answer=WindowInfo,
        status=201,
    ),
    Endpoint(
        method="DELETE",
        path="/admin/maintenance/{window_id}",
        name="api_end_maintenance",
        handler=end_window,
        summary="End maintenance now, or call it off",
        access="admin",
        status=204,
    ),
    Endpoint(
        method="GET",
        path="/admin/walls",
        name="api_walls",
        handler=list_walls,
        summary="Screens on walls",
        access="admin",
        query=ShortPage,
        answer=WallList,
    ),
    Endpoint(
        method="POST",
        path="/admin/walls",
        name="api_add_wall",
        handler=add_wall,
        summary="Make an address for a screen on a wall",
        access="admin",
        body=NewWall,
        answer=MadeWall,
        status=201,
    ),
    Endpoint(
        method="DELETE",
        path="/admin/walls/{wall_id}",
        name="api_remove_wall",
        handler=remove_wall,
        summary="Take a screen's address back",
        access="admin",
        status=204,
    ),
]
