"""The machine under the server: room, who may read the data, files that may be open, fonts, whether a server runs."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from server.care.findings import CareFinding, error, note, some, warning
from server.care.frozen_files import FOLDER
from server.settings import Settings
from server.storage.one_server import RESTORING, is_whole

_OPEN_TO_OTHERS = 0o077
_FEW_FILES = 0.02  # of the files that the file system can have
_LARGE_LOG_BYTES = 1024**3
OPEN_TO_OTHERS = "open_to_others"


def check_machine(settings: Settings) -> Iterator[CareFinding]:
    yield from _check_descriptors(settings)
    yield from _check_fonts()
    if settings.data.is_dir():
        yield from _check_room(settings)
        yield from _check_modes(settings.data)
        yield from _check_leftovers(settings.data)
        yield from _check_server(settings.data)
    else:
        yield error(
            "no_data", f"There is no data directory {settings.data}.", "Name the server's with --data or JINDU_DATA."
        )


def _check_descriptors(settings: Settings) -> Iterator[CareFinding]:
    """The server raises its own soft limit to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.max_connections + settings.reserved_descriptors
    if hard != resource.RLIM_INFINITY and hard < needed:
        yield warning(
            "few_descriptors",
            f"{hard} files may be open, and max_connections and reserved_descriptors together are {needed}.",
            "Raise the limit (LimitNOFILE= in the unit, ulimit -Hn), or lower max_connections.",
        )


def _check_fonts() -> Iterator[CareFinding]:
    from server.reports.to_pdf import font_directories  # here: it brings along what lays out pages

    try:
        empty = [each for each in font_directories() if not any(Path(each).rglob("*.[ot]tf"))]
    except ImportError as failure:
        empty = [str(failure.name)]
    if empty:
        yield error(
            "fonts_missing",
            f"Fonts are missing ({', '.join(empty)}): reports would have boxes in place of letters.",
            "Install the program again, with all of its requirements.",
        )


def _check_room(settings: Settings) -> Iterator[CareFinding]:
    disk, files = shutil.disk_usage(settings.data), os.statvfs(settings.data)
    if disk.free < settings.min_free_bytes:
        yield error(
            "disk_full",
            f"{disk.free:,} bytes are free, min_free_bytes is {settings.min_free_bytes:,}: no new data is taken.",
            "Delete what nobody needs, see what prune --dry-run says, or make the disk larger.",
        )
    elif disk.free < 4 * settings.min_free_bytes:
        yield warning(
            "disk_low",
            f"{disk.free:,} of {disk.total:,} bytes are free.",
            f"Make room before it is less than {settings.min_free_bytes:,}: then new data is refused.",
        )
    if files.f_files and files.f_favail < _FEW_FILES * files.f_files:
        yield warning("few_inodes", f"The file system can have {files.f_favail:,} more files.", "Make room for more.")
    with suppress(FileNotFoundError):
        size = (settings.data / "jindu.db-wal").stat().st_size
        if size > _LARGE_LOG_BYTES:
            yield warning(
                "large_log",
                f"The database's log (jindu.db-wal) has {size:,} bytes: something reads it without end.",
                "Look for a backup that hangs, or restart the server.",
            )


def open_paths(data: Path) -> list[Path]:
    """What others on the machine may read or change."""
    found = []
    for parent, directories, files in os.walk(data):
        for path in (Path(parent), *(Path(parent, name) for name in files)):
            with suppress(OSError):
                mode = path.lstat().st_mode
                if not stat.S_ISLNK(mode) and mode & _OPEN_TO_OTHERS:
                    found.append(path)
        directories[:] = [name for name in directories if not Path(parent, name).is_symlink()]
    return found


def _check_modes(data: Path) -> Iterator[CareFinding]:
    if found := open_paths(data):
        yield warning(
            OPEN_TO_OTHERS,
            f"Others on this machine may look into {len(found)} files or folders of {data}.",
            f"doctor --repair {OPEN_TO_OTHERS} closes them; so does the next start of the server.",
            repair=OPEN_TO_OTHERS,
            count=len(found),
            paths=some(found),
        )
    owner = data.stat().st_uid
    if foreign := [path for path in _below(data) if path.lstat().st_uid != owner]:
        yield warning(
            "other_owner",
            f"{len(foreign)} files belong to somebody else than the directory {data}, such as {min(foreign)}.",
            f"Give them to the server's user: chown -R {owner} {data}",
            count=len(foreign),
            paths=some(foreign),
        )


def _below(data: Path) -> Iterator[Path]:
    yield from data.glob("*")
    yield from data.glob("blobs/*")
    yield from data.glob("uploads/*")


def _check_leftovers(data: Path) -> Iterator[CareFinding]:
    if (data / RESTORING).exists() and is_whole(data):
        yield note("restore_left", f"{data / RESTORING} is left of a restore that was cut short.", "Delete it.")
    if not is_whole(data):
        yield error(
            "restore_unfinished",
            "A restore was cut short; no server starts here.",
            "Run it again with --replace; what was there before lies in before-restore-….",
        )
    for folder in sorted(data.glob("before-restore-*")):
        yield note("put_aside", f"{folder} holds what a restore put aside.", "Delete it once you are sure.")
    if (data / "quarantine").is_dir():
        yield note("quarantine", f"{data / 'quarantine'} holds what was put aside.", "Delete it once you are sure.")
    folder = data / FOLDER
    if folder.is_dir() and not _is_locked(folder):
        yield note(
            "backup_unfinished", f"{folder} is left of a backup that was cut short.", "The next backup removes it."
        )


def _check_server(data: Path) -> Iterator[CareFinding]:
    if _is_locked(data):
        yield note("server_runs", f"A server runs on {data}.")


def _is_locked(directory: Path) -> bool:
    """Asked in a way in which two who ask do not meet; let go at once, since a server may be about to start."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)
