"""`db upgrade`, `db status`, `db reindex` and `db copy`."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from server import settings as settings_module
from server.app.engines import open_database, words_for
from server.care.copying import CopiedDatabase, copy_database
from server.care.database_status import DatabaseStatus, status_of
from server.care.problem import CareRefused
from server.care.schema import schema_of, unhurried
from server.cli.caring import progress, require_data
from server.cli.output import say, say_json
from server.cli.statuses import DONE, FAILED
from server.settings import Settings
from server.storage.database import Database
from server.storage.findable_again import find_all_again
from server.storage.migrating import newest_revision
from server.storage.one_server import held, require_whole

_NAME = "jindu db"
_SQLITE, _POSTGRESQL = "sqlite", "postgresql"
_IN_FILE = "sqlite:///"


async def upgrade_database(options: dict[str, Any]) -> int:
    settings = settings_module.load({"data": options["data"]})
    require_whole(settings.data)
    async with contextlib.AsyncExitStack() as stack:
        if not settings.database_url:
            if not settings.data.is_dir():
                raise CareRefused("no_data", f"There is no data directory {settings.data}; name it with --data.")
            stack.enter_context(held(settings.data))
        database = await stack.enter_async_context(_opened(settings))
        async with database.read() as connection:
            before = await schema_of(connection)
        await database.migrate()
    after = newest_revision()
    if options["json"]:
        say_json({"database": database.place, "schema_before": before, "schema": after})
    else:
        found = f"from schema {before} to" if before else "to schema"
        say(
            f"{database.place} "
            + (f"has schema {after} already" if before == after else f"was brought {found} {after}")
        )
    return DONE


async def show_status(options: dict[str, Any]) -> int:
    """Status 1 when this program would not start on it as it is."""
    settings = settings_module.load({"data": options["data"]})
    require_data(settings)
    async with _opened(settings) as database:
        status = await status_of(database)
    if options["json"]:
        say_json(msgspec.to_builtins(status))
    else:
        _tell_status(status)
    return DONE if status.schema == status.schema_of_program else FAILED


async def reindex(options: dict[str, Any]) -> int:
    settings = settings_module.load({"data": options["data"]})
    require_data(settings)
    began = time.monotonic()
    async with contextlib.AsyncExitStack() as stack:
        if not settings.database_url:
            stack.enter_context(held(settings.data))
        database = await stack.enter_async_context(_opened(settings))
        await database.require_newest()
        async with database.write() as connection:
            await unhurried(connection)
            await words_for(settings).rebuild(connection)  # first: rows cannot be taken out of one that is damaged
            count = await connection.run_sync(find_all_again)
    seconds = time.monotonic() - began
    if options["json"]:
        say_json({"database": database.place, "rows": count, "seconds": round(seconds, 3)})
    else:
        say(f"{count:,} things in {database.place} can be found by their words again, in {seconds:.1f} s.")
    return DONE


async def copy_rows(options: dict[str, Any]) -> int:
    settings = settings_module.load({"data": options["data"]})
    from_settings, to_settings = (_settings_of(options[end], settings) for end in ("source", "target"))
    async with contextlib.AsyncExitStack() as stack:
        for folder in dict.fromkeys((settings.data, from_settings.data, to_settings.data)):
            if not folder.is_dir():
                raise CareRefused("no_data", f"There is no data directory {folder}; name it with --data.")
            require_whole(folder)
            stack.enter_context(held(folder))
        if not from_settings.database_url:
            require_data(from_settings)
        source = await stack.enter_async_context(_opened(from_settings))
        target = await stack.enter_async_context(_opened(to_settings))
        copied = await copy_database(
            source, target, replaces_nul=options["replace_nul"], say=progress(as_json=options["json"])
        )
    _tell_copied(copied, source.place, target.place, as_json=options["json"])
    return DONE


def _settings_of(address: str, settings: Settings) -> Settings:
    """`sqlite` and `postgresql` are what the settings have of them; the latter keeps its password out of `ps`."""
    if address == _SQLITE:
        return dataclasses.replace(settings, database_url="")
    if address == _POSTGRESQL:
        if not settings.database_url:
            raise CareRefused("no_address", "JINDU_DATABASE_URL (or …_FILE) says where PostgreSQL is, and is not set.")
        return settings
    if address.startswith(_IN_FILE):
        path = Path(address.removeprefix(_IN_FILE))
        if path.name != "jindu.db":
            raise CareRefused("not_ours", f"The file is called jindu.db, in its data directory; {path} is not.")
        return dataclasses.replace(settings, data=path.parent, database_url="")
    return dataclasses.replace(settings, database_url=address)


@contextlib.asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    database = open_database(settings, name=_NAME)
    try:
        yield database
    finally:
        await database.close()


def _tell_status(status: DatabaseStatus) -> None:
    say(f"engine       {status.engine}" + (f" {status.postgresql.version}" if status.postgresql else ""))
    say(f"place        {status.place}")
    known = status.schema_of_program
    is_known = "" if status.schema == known else f" (this program has {known}: {_advice(status.schema, known)})"
    say(f"schema       {status.schema or 'none'}{is_known}")
    say(f"size         {status.bytes:,} bytes")
    if (facts := status.postgresql) is not None:
        say(f"text order   {facts.order_of_text}")
        taken = sum(each.count for each in facts.connections)
        say(f"connections  {taken} here, of {facts.room_for_connections} that PostgreSQL has room for")
        for each in facts.connections:
            say(f"             {each.count:>4}  {each.name}")
        if (old := facts.oldest_snapshot) is not None:
            say(f"oldest view  {old.seconds:,} s, {old.transactions:,} transactions ago: {old.name} (pid {old.pid})")
    say("rows")
    for name, count in status.rows.items():
        say(f"{count:>12,}  {name}")


def _advice(schema: str | None, known: str) -> str:
    return "use the newer program" if schema is not None and schema > known else "run jindu db upgrade"


def _tell_copied(copied: CopiedDatabase, source: str, target: str, *, as_json: bool) -> None:
    if as_json:
        tables = {name: dataclasses.asdict(table) for name, table in copied.tables.items()}
        say_json({"from": source, "to": target, "tables": tables, "seconds": round(copied.seconds, 3)})
        return
    for name, table in copied.tables.items():
        say(f"{table.rows:>12,}  {table.sha256[:16]}  {name}")
    say(
        f"{copied.row_count:,} rows in {len(copied.tables)} tables were copied from {source} to {target} and are equal "
        f"on both sides, in {copied.seconds:.1f} s."
    )
