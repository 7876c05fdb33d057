"""`doctor`: everything that can be looked at from outside; it changes nothing but what it is asked to by name."""

from __future__ import annotations

import os
from typing import Any

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from server.app.engines import kinds_waiting_in_vain, open_database, open_files, words_for
from server.care.database_checks import check_database, check_kinds_run, check_schema, database_unreadable
from server.care.file_checks import check_files, look_at_files
from server.care.findings import CareFinding, Gravity, error, exit_status
from server.care.machine_checks import check_machine
from server.care.problem import CareRefused
from server.care.repairs import REPAIRS
from server.care.search_checks import check_search
from server.care.store_checks import StoreLook, check_leftovers, store_away
from server.cli.caring import require_data
from server.cli.causes import with_cause
from server.cli.config import check_engines, checked_settings
from server.cli.findings import tell_findings
from server.cli.output import say, say_json
from server.cli.statuses import DONE
from server.errors import ConfigurationError, JinduError
from server.settings import Settings
from server.storage.blob_store import StorageAway
from server.storage.database import OF_LEASES, Database
from server.storage.one_server import is_whole

_ELSEWHERE, _UNREADABLE = "files_elsewhere", "database_unreadable"


async def examine(options: dict[str, Any]) -> int:
    """0 fine, 1 warnings, 2 errors."""
    settings, findings = checked_settings(options["data"])
    if options["repair"] is not None:
        return await _repair(settings, options)
    if settings is not None:
        findings += await check_engines(settings)
        findings += check_machine(settings)
        codes = {each.code for each in findings}
        if settings.data.is_dir() and _UNREADABLE not in codes:
            is_elsewhere = _ELSEWHERE in codes  # then none is there, and none lost
            findings += await _check_data(settings, thorough=options["thorough"], looks_at_files=not is_elsewhere)
    if options["url"]:
        from server.cli.proxy_check import check_proxy  # here: it brings along a client of HTTP

        findings += await check_proxy(options["url"], options["token"] or os.environ.get("JINDU_TOKEN"))
    tell_findings(findings, as_json=options["json"])
    return exit_status(findings)


async def _check_data(settings: Settings, *, thorough: bool, looks_at_files: bool) -> list[CareFinding]:
    if not is_whole(settings.data):
        return []  # which is found already; there is nothing to look at
    try:
        require_data(settings)
        database = open_database(settings)
    except (CareRefused, ConfigurationError) as wrong:
        advice = "Name the directory and database that the server has."
        code = wrong.code if isinstance(wrong, CareRefused) else "configuration_wrong"
        return [error(code, str(wrong), advice)]
    try:
        return await _check_rows_and_files(database, settings, thorough=thorough, looks_at_files=looks_at_files)
    except (SQLAlchemyError, JinduError) as wrong:
        return [database_unreadable(database.place, wrong)]
    finally:
        await database.close()


async def _check_rows_and_files(
    database: Database, settings: Settings, *, thorough: bool, looks_at_files: bool
) -> list[CareFinding]:
    async with database.read() as connection:
        checking = check_database(
            connection,
            thorough=thorough,
            connections_per_node=settings.database_writers + settings.database_readers + OF_LEASES,
            upgrade_at_start=settings.upgrade_at_start,
        )
        findings = [each async for each in checking]
        is_known = await check_schema(connection) is None
        if is_known:
            findings += check_kinds_run(await kinds_waiting_in_vain(connection))
    if is_known:
        findings += await check_search(database, words_for(settings), thorough=thorough)
    if looks_at_files and is_known and not any(each.severity is Gravity.ERROR for each in findings):
        findings += await _check_files(database, settings, thorough=thorough)
    return findings


async def _check_files(database: Database, settings: Settings, *, thorough: bool) -> list[CareFinding]:
    if not settings.storage_url:
        return list(check_files(await look_at_files(database, settings.data, thorough=thorough)))
    try:
        stores = open_files(settings)
        states = await StoreLook(database, stores, thorough=thorough).run()
    except StorageAway as wrong:
        return [store_away(with_cause(wrong))]
    findings = list(check_files(states, can_be_put_aside=False))
    if stores.leftovers is not None:
        findings += [each async for each in check_leftovers(stores.leftovers)]
    return findings


async def _repair(settings: Settings | None, options: dict[str, Any]) -> int:
    repair = REPAIRS.get(options["repair"])
    if repair is None:
        raise CareRefused("no_such_repair", f"There is no such repair; there are {', '.join(sorted(REPAIRS))}.")
    if settings is None:
        raise CareRefused("configuration_wrong", "The settings cannot be read: see config check.")
    require_data(settings)
    database = open_database(settings)
    try:
        async with database.read() as connection:
            if (finding := await check_schema(connection)) is not None:
                raise CareRefused(finding.code, f"{finding.text} {finding.advice}")
        done = await repair(database, settings.data, really=options["really"])
    finally:
        await database.close()
    if options["json"]:
        say_json(msgspec.to_builtins(done))
    else:
        say(f"{done.repair}: {done.count} mended" + (f", put into {done.aside}" if done.aside else ""))
    return DONE
