"""`prune`: what the server's hourly sweep would remove, counted, or removed now."""

from __future__ import annotations

from typing import Any

import msgspec

from server import settings as settings_module
from server.app.engines import open_database
from server.app.parts import Parts, build_parts
from server.care.schema import require_own_schema
from server.care.unserved import require_unserved
from server.cli.caring import require_data
from server.cli.output import say, say_json
from server.cli.statuses import DONE
from server.operations.retention import Overview
from server.settings import Settings
from server.storage.keeping import Amount
from server.storage.one_server import held


async def prune(options: dict[str, Any]) -> int:
    settings = settings_module.load({"data": options["data"]})
    require_data(settings)
    if not options["dry_run"]:
        with held(settings.data):
            await _require_unserved(settings)
    parts = build_parts(settings)  # never opened: nothing runs
    try:
        async with parts.storage.database.read() as connection:
            await require_own_schema(connection)
        before = await parts.chores.retention.overview()
        if options["dry_run"]:
            gone = {kept.kind: kept.due for kept in before.kinds}
        else:
            gone = await _swept(parts, before)
    finally:
        await parts.storage.database.close()
    _tell(before, gone, is_dry=options["dry_run"], as_json=options["json"])
    return DONE


async def _require_unserved(settings: Settings) -> None:
    """By a connection of its own: those of the parts are called as those of a node."""
    database = open_database(settings)
    try:
        await require_unserved(database)
    finally:
        await database.close()


async def _swept(parts: Parts, before: Overview) -> dict[str, Amount]:
    """A server has some of it in memory, so none may run."""
    with held(parts.settings.data):
        await parts.chores.retention.sweep()
    after = {kept.kind: kept.held for kept in (await parts.chores.retention.overview()).kinds}
    return {
        kept.kind: Amount(
            count=max(0, kept.held.count - after[kept.kind].count),
            bytes=max(0, kept.held.bytes - after[kept.kind].bytes),
        )
        for kept in before.kinds
    }


def _tell(before: Overview, gone: dict[str, Amount], *, is_dry: bool, as_json: bool) -> None:
    if as_json:
        kinds = [
            {"kind": kept.kind, "setting": kept.setting, "days": kept.days, **msgspec.to_builtins(gone[kept.kind])}
            for kept in before.kinds
        ]
        say_json({"dry_run": is_dry, "kinds": kinds})
        return
    for kept in before.kinds:
        amount, days = gone[kept.kind], f"{kept.days:g} days" if kept.days else "kept for ever"
        verb = "would go" if is_dry else "gone"
        say(f"{kept.kind:<16} {amount.count:>8,} {verb}, {amount.bytes:>16,} bytes   ({kept.setting}: {days})")
