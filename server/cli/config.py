"""`config show` and `config check`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from server import settings as settings_module
from server.app.belonging import check_belonging
from server.app.engines import check_exchange, open_database, open_files
from server.app.transports import wanted_transports
from server.care.configuration_checks import check_configuration
from server.care.findings import CareFinding, error, exit_status
from server.care.named_files import BLOB_KINDS
from server.care.store_checks import store_away
from server.cli.causes import with_cause
from server.cli.findings import tell_findings
from server.cli.output import say, say_json
from server.cli.statuses import DONE
from server.errors import ConfigurationError
from server.settings import Settings
from server.storage.blob_store import StorageAway

_MASKED = "(set, not shown)"
_SILENT = logging.NullHandler()


async def show_settings(options: dict[str, Any]) -> int:
    flags = {"data": options["data"]}
    # Whoever looks for what is wrong with them has to see them.
    settings, sources = settings_module.read(flags), settings_module.sources(flags)
    for setting in settings_module.described():
        value, source = getattr(settings, setting.name), sources.get(setting.name, "default")
        if setting.metadata["secret"] and value:
            value = _MASKED
        if options["json"]:
            say_json({"name": setting.name, "value": value, "source": source})
        else:
            say(f"{setting.name} = {_plain(value)}    # {source}")
    return DONE


async def check_settings(options: dict[str, Any]) -> int:
    settings, findings = checked_settings(options["data"])
    if settings is not None:
        findings += await check_engines(settings)
    tell_findings(findings, as_json=options["json"])
    return exit_status(findings)


async def check_engines(settings: Settings) -> list[CareFinding]:
    """What nodes share, as far as trying it out tells, and whether this one fits those that run."""
    logging.getLogger("jindu").addHandler(_SILENT)  # what engines log is found, and told with what to do about it
    found: list[CareFinding] = []
    try:
        if settings.storage_url:  # files of the data directory would be given one
            async for _ in open_files(settings).blobs.under(BLOB_KINDS[0]):  # a bucket that is not there has no list
                break
    except StorageAway as wrong:
        found.append(store_away(with_cause(wrong)))
    except ConfigurationError as wrong:
        found.append(error("storage_url_wrong", wrong.text, "Mend JINDU_STORAGE_URL."))
    try:
        found += await check_exchange(settings)
    except ConfigurationError as wrong:
        found.append(error("broker_url_wrong", wrong.text, "Mend JINDU_BROKER_URL."))
    return found + await check_belonging(settings)


def checked_settings(data: str | None) -> tuple[Settings | None, list[CareFinding]]:
    """No settings when they cannot even be read."""
    try:
        settings = settings_module.load({"data": data})
    except ConfigurationError as wrong:
        return None, [error("configuration_wrong", wrong.text, "docs/settings.md lists what there is.")]
    findings = list(check_configuration(settings))
    try:
        open_database(settings)
    except ConfigurationError as wrong:
        findings.append(error("database_url_wrong", wrong.text, "Mend JINDU_DATABASE_URL."))
    try:
        wanted_transports(settings)
    except ConfigurationError as wrong:
        findings.append(error(wrong.specific_code, wrong.text, "Install what it needs, or unset the setting."))
    return settings, findings


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value) if isinstance(value, str | Path | bool) else repr(value)
