"""`admin create`: an account made in the data directory itself, for who cannot or will not use a browser."""

from __future__ import annotations

import asyncio
import getpass
import sys
from pathlib import Path

from jindu.errors import ClientError
from server import settings as settings_module
from server.app.parts import build_parts
from server.auth.audit import Via
from server.auth.permissions import Role
from server.cli.output import refused, say, say_json
from server.cli.statuses import DONE
from server.errors import ConfigurationError, JinduError
from server.settings import Settings
from server.storage.privacy import be_private


def create_admin(*, user: str | None, password_file: Path | None, data: str | None, as_json: bool) -> int:
    """Status 0 when the administrator exists now, 2 when the name or password cannot be used, or there is no data."""
    settings = settings_module.load({"data": data})
    require_data(settings)
    name = user or settings.admin_user or _asked_name()
    password = _password(settings, password_file)
    try:
        asyncio.run(_create(settings, name, password))
    except JinduError as error:
        reasons = [f"{problem.field}: {problem.text}" for problem in error.errors] or [error.text]
        return refused(ClientError("\n       ".join(reasons)), as_json=as_json)
    if as_json:
        say_json({"user": name, "role": Role.ADMIN, "data": settings.data})
    else:
        say(f"Administrator {name} was created in {'the database' if settings.database_url else settings.data}.")
    return DONE


def require_data(settings: Settings) -> None:
    """A slip in a path must not become a new, empty server; `serve` alone makes one."""
    if not settings.data.is_dir():
        raise ConfigurationError(
            "There is no data directory {data}. Give that of the server with --data; `serve` makes a new one.",
            data=str(settings.data),
        )


async def _create(settings: Settings, name: str, password: str) -> None:
    be_private()
    # Built, but never opened: a server that runs on the same data keeps its jobs to itself.
    parts = build_parts(settings)
    database = parts.storage.database
    try:
        await (database.migrate() if settings.upgrade_at_start else database.require_newest())
        accounts = parts.operations.accounts
        await accounts.create_user(None, name=name, password=password, role=Role.ADMIN, by=Via.COMMAND_LINE)
    finally:
        await database.close()


def _asked_name() -> str:
    _require_terminal("Say who: --user NAME.")
    return input("User name: ").strip()


def _password(settings: Settings, file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError("The password file {file} cannot be read.", file=str(file)) from error
    if settings.admin_password:
        return settings.admin_password
    _require_terminal("Give the password with --password-file or JINDU_ADMIN_PASSWORD.")
    password = getpass.getpass("Password: ")
    if getpass.getpass("The same again: ") != password:
        raise ConfigurationError("The two passwords differ; nothing was created.")
    return password


def _require_terminal(otherwise: str) -> None:
    if not sys.stdin.isatty():
        raise ConfigurationError(otherwise)
