"""`backup` and `restore`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server import settings as settings_module
from server.app.engines import open_database, open_files
from server.auth.secret_key import FILE_NAME
from server.care.archiving import BackupKey, BackupOrder
from server.care.backup import MadeBackup, make_backup
from server.care.manifest import Manifest
from server.care.problem import CareRefused
from server.care.restore import OpenIn, Restored, RestoreOrder, StoresIn, prove, restore
from server.care.verifying import verify
from server.cli.caring import progress, require_data
from server.cli.output import complain, say, say_json
from server.cli.statuses import DONE, FAILED
from server.settings import Settings


async def back_up(options: dict[str, Any]) -> int:
    """Status 1 when rows name files that are not there; the backup is made all the same."""
    settings = settings_module.load({"data": options["data"]})
    require_data(settings)
    database = open_database(settings)
    order = BackupOrder(
        database=database,
        data=settings.data,
        target=options["file"],
        key=_key(settings, is_wanted=not options["without_key"]),
        min_free_bytes=settings.min_free_bytes,
        stores=open_files(settings) if settings.storage_url else None,
    )
    try:
        made = await make_backup(order, say=progress(as_json=options["json"]))
    finally:
        await database.close()
    _tell_made(made, as_json=options["json"])
    missing = made.manifest.missing
    if missing:
        complain(f"{len(missing)} files that rows name are not there or damaged, such as {missing[0]}; run doctor.")
    return FAILED if missing else DONE


async def restore_backup(options: dict[str, Any]) -> int:
    path, as_json = options["file"], options["json"]
    if options["verify"]:
        _tell("is whole", path, verify(path), as_json=as_json)
        return DONE
    if options["prove"]:
        scratch = options["scratch"] or path.absolute().parent
        if not scratch.is_dir():
            raise CareRefused("no_directory", f"There is no directory {scratch} to work in.")
        proven = await prove(path, scratch=scratch, open_in=_in_folder, say=progress(as_json=as_json))
        _tell("was restored on trial", path, proven.manifest, as_json=as_json, **_figures(proven))
        return DONE
    settings = settings_module.load({"data": options["data"]})
    order = RestoreOrder(
        archive=path,
        data=settings.data,
        open_in=_opener(settings),
        stores_in=_stores_in(settings) if settings.storage_url else None,
        replace=options["replace"],
        given_key=settings.secret_key,
        new_key=options["new_key"],
    )
    restored = await restore(order, say=progress(as_json=as_json))
    _tell("was restored", path, restored.manifest, as_json=as_json, data=str(settings.data), **_figures(restored))
    if restored.aside is not None and not as_json:
        say(f"What was there before lies in {restored.aside}.")
    return DONE


def _key(settings: Settings, *, is_wanted: bool) -> BackupKey:
    """One that the settings give is kept where those are kept."""
    if settings.secret_key:
        return BackupKey(content=settings.secret_key.encode())
    path = settings.data / FILE_NAME
    return BackupKey(content=path.read_bytes(), is_inside=is_wanted) if path.is_file() else BackupKey()


def _opener(settings: Settings) -> OpenIn:
    return lambda folder: open_database(dataclasses.replace(settings, data=folder))


def _stores_in(settings: Settings) -> StoresIn:
    """Copies of what is stored are of no use here."""
    return lambda folder: open_files(dataclasses.replace(settings, data=folder, storage_cache_bytes=0))


_in_folder: OpenIn = lambda folder: open_database(Settings(data=folder))  # noqa: E731 – as `_opener` makes one


def _figures(restored: Restored) -> dict[str, Any]:
    aside = None if restored.aside is None else str(restored.aside)
    return {"restored_schema": restored.schema, "aside": aside, "seconds": round(restored.seconds, 3)}


def _tell_made(made: MadeBackup, *, as_json: bool) -> None:
    more = {"archive_bytes": made.bytes, "seconds": round(made.seconds, 3)}
    _tell("was made and read again", made.path, made.manifest, as_json=as_json, **more)


def _tell(what: str, path: Path, manifest: Manifest, *, as_json: bool, **more: Any) -> None:
    figures = {
        "file": str(path),
        "made_at": manifest.made_at,
        "program": manifest.program,
        "schema": manifest.schema,
        "engine": manifest.engine,
        "rows": {name: note.rows for name, note in manifest.tables.items()},
        "files": len(manifest.files),
        "file_bytes": manifest.file_bytes,
        "missing": manifest.missing,
        "key_inside": manifest.key.is_inside,
    }
    if as_json:
        say_json(figures | more)
        return
    said: Callable[[str], None] = say
    said(
        f"{path} {what}: {manifest.row_count:,} rows in {len(manifest.tables)} tables, {len(manifest.files):,} files "
        f"with {manifest.file_bytes:,} bytes, of {manifest.made_at} (version {manifest.program}, schema "
        f"{manifest.schema}, {manifest.engine}; the secret key is {'' if manifest.key.is_inside else 'not '}inside)"
        + (f", in {more['seconds']:.1f} s" if "seconds" in more else "")
        + "."
    )
