"""`/admin`: users, the settings in force."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from server.auth.permissions import Role
from server.auth.users import User
from server.http.endpoint import Call, Endpoint, NoQuery, Page, ShortPage
from server.http.short_lists import cut
from server.http.values import LanguageTag, NewPassword, TimeZone, UserName
from server.storage.pages import Listing
from server.texts import told
from views.context import formats_for


class NewUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    username: UserName
    password: NewPassword
    role: Role = Role.EDITOR
    language: LanguageTag | None = None
    time_zone: TimeZone | None = None


class UserChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is. A new password signs the user out everywhere."""

    role: Role | None = None
    disabled: bool | None = None
    password: NewPassword | None = None


class UserInfo(msgspec.Struct, frozen=True, kw_only=True):
    """`schedules`: how many of theirs are on, or have stopped. They can be handed over, and paused ones as well."""

    id: str
    name: str
    role: Role
    language: str | None
    time_zone: str | None
    created_at: datetime
    seen_at: datetime | None
    disabled_at: datetime | None
    second_factor_at: datetime | None
    schedules: int


class UserList(Listing[UserInfo], frozen=True, kw_only=True):
    pass


class NewOwner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`to` is the name of an active user, who may do all that the schedule does: it is checked as if they made it."""

    to: UserName


class HandedSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """`problem`: why it could not be handed over."""

    id: str
    name: str
    problem: str | None


class HandedOverSchedules(msgspec.Struct, frozen=True, kw_only=True):
    """What is `left` stays theirs."""

    handed: list[HandedSchedule]
    left: list[HandedSchedule]


class SettingInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A secret's value is never shown, only whether it is set."""

    name: str
    environment: str
    value: str
    is_default: bool
    help: str


class SettingList(Listing[SettingInfo], frozen=True, kw_only=True):
    pass


async def list_users(call: Call[None, Page]) -> UserList:
    query = call.query
    users, next_cursor, total = await call.operations.admin.users(
        call.principal, q=query.q, limit=query.limit, cursor=query.cursor
    )
    counts = await call.operations.schedule_handover.counts(call.principal, [user.id for user in users])
    items = [_user_info(user, counts.get(user.id, 0)) for user in users]
    return UserList(items=items, next_cursor=next_cursor, total=total)


async def create_user(call: Call[NewUser, NoQuery]) -> UserInfo:
    body = call.body
    user = await call.operations.accounts.create_user(
        call.principal,
        name=body.username,
        password=body.password,
        role=body.role,
        language=body.language,
        time_zone=body.time_zone,
    )
    return _user_info(user, 0)


async def get_user(call: Call[None, NoQuery]) -> UserInfo:
    return await _told(call, await call.operations.admin.user(call.principal, call.path["user_id"]))


async def change_user(call: Call[UserChange, NoQuery]) -> UserInfo:
    body = call.body
    user = await call.operations.admin.change_user(
        call.principal, call.path["user_id"], role=body.role, is_disabled=body.disabled, password=body.password
    )
    return await _told(call, user)


async def hand_over_schedules(call: Call[NewOwner, NoQuery]) -> HandedOverSchedules:
    over = call.operations.schedule_handover
    done = await over.hand_over_all(call.principal, call.path["user_id"], call.body.to)
    gettext = formats_for(call.request).gettext
    return HandedOverSchedules(
        handed=[HandedSchedule(id=each.id, name=each.name, problem=None) for each in done.handed],
        left=[
            HandedSchedule(
                id=each.schedule.id,
                name=each.schedule.name,
                problem=told(each.problem.message, each.problem.parameters, gettext),
            )
            for each in done.left
        ],
    )


async def list_settings(call: Call[None, ShortPage]) -> SettingList:
    found = call.operations.admin.settings(call.principal)
    page = cut(found, call.query, lambda setting: f"{setting.name} {setting.environment} {setting.help}")
    items = [msgspec.convert(setting, SettingInfo, from_attributes=True) for setting in page.items]
    return SettingList(items=items, next_cursor=page.next_cursor, total=page.total)


async def _told(call: Call[Any, Any], user: User) -> UserInfo:
    counts = await call.operations.schedule_handover.counts(call.principal, [user.id])
    return _user_info(user, counts.get(user.id, 0))


def _user_info(user: User, schedules: int) -> UserInfo:
    return UserInfo(
        id=user.id,
        name=user.name,
        role=user.role,
        language=user.language,
        time_zone=user.time_zone,
        created_at=user.created_at,
        seen_at=user.seen_at,
        disabled_at=user.disabled_at,
        second_factor_at=user.second_factor_at,
        schedules=schedules,
    )


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/admin/users",
        name="api_users",
        handler=list_users,
        summary="All users, by name",
        access="admin",
        query=Page,
        answer=UserList,
    ),
    Endpoint(
        method="POST",
        path="/admin/users",
        name="api_create_user",
        handler=create_user,
        summary="Make a user",
        access="admin",
        body=NewUser,
        answer=UserInfo,
        status=201,
        errors=(409,),
    ),
    Endpoint(
        method="GET",
        path="/admin/users/{user_id}",
        name="api_user",
        handler=get_user,
        summary="One user",
        access="admin",
        answer=UserInfo,
    ),
    Endpoint(
        method="PATCH",
        path="/admin/users/{user_id}",
        name="api_change_user",
        handler=change_user,
        summary="Change a user's role or password, or disable them",
        access="admin",
        body=UserChange,
        answer=UserInfo,
        errors=(409,),
    ),
    Endpoint(
        method="POST",
        path="/admin/users/{user_id}/hand-over",
        name="api_hand_over_schedules",
        handler=hand_over_schedules,
        summary="Hand a user's schedules over to another one",
        access="admin",
        body=NewOwner,
        answer=HandedOverSchedules,
        errors=(404, 422),
    ),
    Endpoint(
        method="GET",
        path="/admin/settings",
        name="api_settings",
        handler=list_settings,
        summary="The settings in force",
        access="admin",
        query=ShortPage,
        answer=SettingList,
    ),
]
