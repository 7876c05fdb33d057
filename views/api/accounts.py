"""`/me`, `/tokens` and `/sessions`: one's own account."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from server.auth.permissions import ANONYMOUS, Role, Scope
from server.auth.sessions import Session
from server.auth.tokens import Token
from server.auth.users import User
from server.errors import NotSignedIn
from server.http.addresses import client_address
from server.http.endpoint import Call, Endpoint, NoQuery, ShortPage
from server.http.short_lists import cut
from server.http.values import LanguageTag, NewPassword, TimeZone, UserName, line
from server.operations.tokens import DEFAULT_TOKEN_DAYS, NewToken
from server.storage.pages import Listing


class Notifications(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which ends of one's jobs are told in the bell, and whether comments are; the defaults tell all. What
    administrators announce always is."""

    finished: bool = True
    failed: bool = True
    commented: bool = True


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking."""

    id: str
    name: str
    role: Role
    language: str | None
    time_zone: str | None
    notifications: Notifications
    scopes: list[Scope]
    created_at: datetime


class MeChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is. `language: null` and `time_zone: null` mean as the browser says."""

    name: UserName | msgspec.UnsetType = msgspec.UNSET
    language: LanguageTag | msgspec.UnsetType | None = msgspec.UNSET
    time_zone: TimeZone | msgspec.UnsetType | None = msgspec.UNSET
    notifications: Notifications | msgspec.UnsetType = msgspec.UNSET


class PasswordChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    current_password: str
    new_password: NewPassword


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without being signed in, `username` and `password` are needed, and `code` of who has a second factor.

    `scopes`: all that the role allows.
    """

    name: Annotated[str, line(100, least=1)] = "API"
    username: str | None = None
    password: str | None = None
    code: str | None = None
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1)] | None = None
    expires_in_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] | None = DEFAULT_TOKEN_DAYS


class CreatedToken(msgspec.Struct, frozen=True, kw_only=True):
    """`token` is shown this once."""

    token: str
    id: str
    name: str
    scopes: list[Scope]
    expires_at: datetime | None


class TokenInfo(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    last_address: str
    is_current: bool


class TokenList(Listing[TokenInfo], frozen=True, kw_only=True):
    pass


class SessionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One browser in which the user is signed in, and by what `means`: password, code, recovery, passkey, …"""

    id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    user_agent: str
    address: str
    means: str
    is_current: bool


class SessionList(Listing[SessionInfo], frozen=True, kw_only=True):
    pass


async def get_me(call: Call[None, NoQuery]) -> Me:
    return _me(await call.operations.accounts.me(call.principal), call)


async def change_me(call: Call[MeChange, NoQuery]) -> Me:
    fields = {name: getattr(call.body, name) for name in MeChange.__struct_fields__}
    changes = {name: value for name, value in fields.items() if value is not msgspec.UNSET}
    if "notifications" in changes:
        changes["notifications"] = msgspec.to_builtins(changes["notifications"])
    return _me(await call.operations.accounts.change_me(call.principal, changes), call)


async def change_password(call: Call[PasswordChange, NoQuery]) -> None:
    await call.operations.accounts.change_password(
        call.principal, current=call.body.current_password, new=call.body.new_password
    )


async def create_token(call: Call[TokenRequest, NoQuery]) -> CreatedToken:
    body = call.body
    scopes = None if body.scopes is None else frozenset(body.scopes)
    wanted = NewToken(name=body.name, scopes=scopes, days=body.expires_in_days)
    if body.username is not None and body.password is not None:
        token, secret = await call.operations.tokens.create_with_password(
            wanted,
            name=body.username,
            password=body.password,
            address=client_address(call.request),
            code=body.code,
        )
    elif call.principal is ANONYMOUS:
        raise NotSignedIn("Send username and password, or sign in first.")
    else:
        token, secret = await call.operations.tokens.create(call.principal, wanted)
    return CreatedToken(
        token=secret, id=token.id, name=token.name, scopes=sorted(token.scopes), expires_at=token.expires_at
    )


async def list_tokens(call: Call[None, ShortPage]) -> TokenList:
    page = cut(await call.operations.tokens.mine(call.principal), call.query, lambda token: token.name)
    items = [_token_info(token, call) for token in page.items]
    return TokenList(items=items, next_cursor=page.next_cursor, total=page.total)


async def delete_token(call: Call[None, NoQuery]) -> None:
    await call.operations.tokens.delete(call.principal, call.path["token_id"])


async def list_sessions(call: Call[None, ShortPage]) -> SessionList:
    sessions = await call.operations.sessions.mine(call.principal)
    page = cut(sessions, call.query, lambda session: f"{session.user_agent} {session.address}")
    items = [_session_info(session, call) for session in page.items]
    return SessionList(items=items, next_cursor=page.next_cursor, total=page.total)


async def end_session(call: Call[None, NoQuery]) -> None:
    await call.operations.sessions.end(call.principal, call.path["session_id"])


async def end_other_sessions(call: Call[None, NoQuery]) -> None:
    await call.operations.sessions.end_others(call.principal)


def _me(user: User, call: Call[Any, Any]) -> Me:
    return Me(
        id=user.id,
        name=user.name,
        role=user.role,
        language=user.language,
        time_zone=user.time_zone,
        notifications=msgspec.convert(user.notifications, Notifications),
        scopes=sorted(call.principal.scopes),
        created_at=user.created_at,
    )


def _token_info(token: Token, call: Call[Any, Any]) -> TokenInfo:
    return TokenInfo(
        id=token.id,
        name=token.name,
        scopes=sorted(token.scopes),
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
        last_address=token.last_address,
        is_current=token.id == call.principal.token_id,
    )


def _session_info(session: Session, call: Call[Any, Any]) -> SessionInfo:
    return SessionInfo(
        id=session.id,
        created_at=session.created_at,
        last_seen_at=session.last_seen_at,
        expires_at=session.expires_at,
        user_agent=session.user_agent,
        address=session.address,
        means=session.means,
        is_current=session.id == call.principal.session_id,
    )


ENDPOINTS = [
    Endpoint(method="GET", path="/me", name="api_me", handler=get_me, summary="Who I am", answer=Me),
    Endpoint(
        method="PATCH",
        path="/me",
        name="api_change_me",
        handler=change_me,
        summary="Change my name, language, time zone or notifications",
        body=MeChange,
        answer=Me,
        errors=(409,),
    ),
    Endpoint(
        method="POST",
        path="/me/password",
        name="api_change_password",
        handler=change_password,
        summary="Change my password; ends my other sessions",
        body=PasswordChange,
        status=204,
        errors=(429,),
    ),
    Endpoint(
        method="POST",
        path="/tokens",
        name="api_create_token",
        handler=create_token,
        summary="Make an API token; it is shown this once",
        access="public",
        body=TokenRequest,
        answer=CreatedToken,
        status=201,
        errors=(401, 403, 409, 429),
    ),
    Endpoint(
        method="GET",
        path="/tokens",
        name="api_tokens",
        handler=list_tokens,
        summary="My tokens",
        query=ShortPage,
        answer=TokenList,
    ),
    Endpoint(
        method="DELETE",
        path="/tokens/{token_id}",
        name="api_delete_token",
        handler=delete_token,
        summary="Revoke a token of mine",
        status=204,
    ),
    Endpoint(
        method="GET",
        path="/sessions",
        name="api_sessions",
        handler=list_sessions,
        summary="Where I am signed in",
        query=ShortPage,
        answer=SessionList,
    ),
    Endpoint(
        method="DELETE",
        path="/sessions",
        name="api_end_other_sessions",
        handler=end_other_sessions,
        summary="Sign out everywhere but here",
        status=204,
    ),
    Endpoint(
        method="DELETE",
        path="/sessions/{session_id}",
        name="api_end_session",
        handler=end_session,
        summary="Sign out one of my browsers",
        status=204,
    ),
]
