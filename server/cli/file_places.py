"""`files copy`: from the data directory into an S3 store, or back; `files adopt`: moved by other means."""

from __future__ import annotations

import dataclasses
from typing import Any

from server import settings as settings_module
from server.app.belonging import file_marks
from server.app.engines import open_database, open_files
from server.care.copying_files import CopiedFiles, FileCopy
from server.care.problem import CareRefused
from server.care.schema import require_own_schema
from server.care.unserved import require_unserved
from server.cli.caring import progress, require_data
from server.cli.output import complain, say, say_json
from server.cli.statuses import DONE, FAILED
from server.storage.one_server import held
from server.storage.privacy import require_writable
from server.storage.scratch import Scratch


async def copy_files(options: dict[str, Any]) -> int:
    """Status 1 when files that rows name are not at the target in the end."""
    settings = settings_module.load({"data": options["data"]})
    require_data(settings)
    require_writable(settings.data)
    if not settings.storage_url:
        raise CareRefused("no_address", "JINDU_STORAGE_URL says where the S3 store is, and is not set.")
    here_settings = dataclasses.replace(settings, storage_url="")
    here, there = open_files(here_settings), open_files(settings)
    is_there = options["target"] != "data"
    source, target = (here, there) if is_there else (there, here)
    database = open_database(settings)
    try:
        scratch = Scratch(settings.data / "blobs" / "partial")
        copied = await FileCopy(database, source, target, scratch=scratch, say=progress(as_json=options["json"])).run()
        async with database.write() as connection:
            await file_marks(settings if is_there else here_settings, target, scratch).note_copy(connection)
    finally:
        await database.close()
    _tell(copied, as_json=options["json"])
    return FAILED if copied.missing or copied.changed else DONE


async def adopt_files(options: dict[str, Any]) -> int:
    settings = settings_module.load({"data": options["data"]})
    require_data(settings)
    require_writable(settings.data)
    database = open_database(settings)
    try:
        with held(settings.data):
            await require_unserved(database)
            marks = file_marks(settings, open_files(settings), Scratch(settings.data / "blobs" / "partial"))
            async with database.write() as connection:
                await require_own_schema(connection)
                await marks.adopt(connection)
    finally:
        await database.close()
    if options["json"]:
        say_json({"place": marks.place})
    else:
        say(f"From now on the files of {database.place} are those in {marks.place}. Ask jindu doctor what it lacks.")
    return DONE


def _tell(copied: CopiedFiles, *, as_json: bool) -> None:
    if as_json:
        say_json(dataclasses.asdict(copied))
        return
    say(
        f"{copied.copied:,} files with {copied.bytes:,} bytes were copied and {copied.there:,} were there already, "
        f"in {copied.seconds:.1f} s."
    )
    if copied.left:
        say(f"{copied.left:,} files belong to nothing and were left where they are.")
    for what, places in (("not there", copied.missing), ("not what was stored", copied.changed)):
        if places:
            complain(f"{len(places)} files that rows name are {what}, such as {places[0]}.")
