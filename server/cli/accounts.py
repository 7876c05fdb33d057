"""`admin reset-link`, `admin reset-two-factor`, `admin invite`: who cannot get in gets in, by who runs the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from jindu.errors import ClientError
from server import settings as settings_module
from server.app.parts import Parts, build_parts
from server.auth.permissions import Role
from server.cli.admin import require_data
from server.cli.output import refused, say, say_json
from server.cli.statuses import DONE
from server.errors import JinduError
from server.settings import Settings
from server.storage.privacy import be_private

Answer = TypeVar("Answer")


def make_reset_link(*, name: str, hours: int, data: str | None, as_json: bool) -> int:
    """Status 2 when there is no such user."""

    async def make(parts: Parts) -> int:
        link, address = await parts.operations.password_resets.create_by_name(name, hours=hours)
        return _say_link(parts.settings, address, link.expires_at.isoformat(timespec="seconds"), as_json=as_json)

    return _on_data(data, make, as_json=as_json)


def invite(*, role: Role, name: str, days: int, data: str | None, as_json: bool) -> int:
    async def make(parts: Parts) -> int:
        link, address = await parts.operations.invitations.create(None, role=role, name=name or None, days=days)
        return _say_link(parts.settings, address, link.expires_at.isoformat(timespec="seconds"), as_json=as_json)

    return _on_data(data, make, as_json=as_json)


def reset_two_factor(*, name: str, data: str | None, as_json: bool) -> int:
    """Status 2 when there is no such user, or nothing to remove."""

    async def reset(parts: Parts) -> int:
        await parts.operations.second_factors.reset_by_name(name)
        if as_json:
            say_json({"user": name})
        else:
            say(f"The second factor of {name} was removed: the password is enough, until they set up another one.")
        return DONE

    return _on_data(data, reset, as_json=as_json)


def _say_link(settings: Settings, address: str, until: str, *, as_json: bool) -> int:
    """To the console of whoever asked, not to the log."""
    link = address if settings.public_url else f"http://localhost:{settings.port}{address}"
    if as_json:
        say_json({"link": link, "expires_at": until})
    else:
        say(f"{link}\nIt works once, until {until}.")
    return DONE


def _on_data(data: str | None, work: Callable[[Parts], Awaitable[int]], *, as_json: bool) -> int:
    settings = settings_module.load({"data": data})
    require_data(settings)
    try:
        return asyncio.run(_with_parts(settings, work))
    except JinduError as error:
        reasons = [problem.text for problem in error.errors] or [error.text]
        return refused(ClientError("\n       ".join(reasons)), as_json=as_json)


async def _with_parts(settings: Settings, work: Callable[[Parts], Awaitable[Answer]]) -> Answer:
    be_private()
    # Built, but never opened: a server that runs on the same data keeps its jobs to itself.
    parts = build_parts(settings)
    try:
        await parts.storage.database.migrate()
        return await work(parts)
    finally:
        await parts.storage.database.close()
