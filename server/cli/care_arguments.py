"""What the commands take that look after a data directory itself, not through a running server."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_care_commands(commands: Commands) -> None:
    """As `server.cli.arguments` has it: each leaves `run(options)` in its parser's defaults."""
    _add_backup(commands)
    _add_restore(commands)
    _add_doctor(commands)
    _add_config(commands)
    _add_health(commands)
    _add_prune(commands)
    _add_db(commands)
    _add_files(commands)


def _add_backup(commands: Commands) -> None:
    parser = commands.add_parser(
        "backup",
        help="write everything into one file, beside a running server",
        description="Write database, uploads, datasets and reports into one file, which is read again before it gets "
        "its name. The server may run meanwhile.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="file to make; in a directory it is called by its time")
    parser.add_argument(
        "--without-key", action="store_true", help="leave out the secret key, which a restore then asks for"
    )
    _finish(parser, "backups", "back_up")


def _add_restore(commands: Commands) -> None:
    parser = commands.add_parser(
        "restore",
        help="make the data of a backup again",
        description="Make the data of a backup again, in an empty data directory or in the place of what is there. "
        "All of it is checked before anything there changes.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the backup")
    parser.add_argument(
        "--replace", action="store_true", help="put what is in the data directory aside first (it is not deleted)"
    )
    parser.add_argument("--new-key", action="store_true", help="begin with a new secret key: everybody signs in again")
    parser.add_argument("--verify", action="store_true", help="only read all of it and say whether it is whole")
    parser.add_argument(
        "--prove", action="store_true", help="restore into a temporary place that is deleted, and say what came of it"
    )
    parser.add_argument(
        "--scratch", type=Path, metavar="DIR", help="where --prove may work (default: beside the backup)"
    )
    _finish(parser, "backups", "restore_backup")


def _add_doctor(commands: Commands) -> None:
    parser = commands.add_parser(
        "doctor",
        help="look for what is wrong, and say what to do",
        description="Look for what is wrong with configuration, machine, database and files. It only reads, unless a "
        "repair is asked for by its name.",
    )
    parser.add_argument("--thorough", action="store_true", help="also read all of the database and of every file")
    parser.add_argument(
        "--url", help="address people use: also try whether what stands in front lets everything through"
    )
    parser.add_argument("--token", help="API token for --url, to try the event stream (default: JINDU_TOKEN)")
    parser.add_argument(
        "--repair", metavar="NAME", help="mend one finding: orphan_blobs (into quarantine/) or open_to_others"
    )
    parser.add_argument(
        "--really", action="store_true", help="put aside also when it is more than a tenth of all files"
    )
    _finish(parser, "doctor", "examine")


def _add_config(commands: Commands) -> None:
    config = commands.add_parser("config", help="show and check the settings")
    below = config.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    show = below.add_parser("show", help="list every setting with its value and where it comes from; secrets masked")
    _finish(show, "config", "show_settings")
    check = below.add_parser("check", help="say what `serve` would refuse or stumble over")
    _finish(check, "config", "check_settings")


def _add_health(commands: Commands) -> None:
    parser = commands.add_parser(
        "health",
        help="say whether the server on this machine takes requests",
        description="Ask the server where the settings say that it listens, whether it takes requests.",
    )
    parser.add_argument(
        "--alive", action="store_true", help="whether it lives: also while it has no database, or sends people away"
    )
    _finish(parser, "health", "check_health")


def _add_prune(commands: Commands) -> None:
    parser = commands.add_parser(
        "prune",
        help="remove what is older than the settings keep it",
        description="Remove now what the server would remove at its next sweep, with the server stopped.",
    )
    parser.add_argument("--dry-run", action="store_true", help="only count what would go; the server may run")
    _finish(parser, "prune", "prune")


def _add_db(commands: Commands) -> None:
    db = commands.add_parser("db", help="change the tables, say how the database stands, move it to another engine")
    below = db.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    upgrade = below.add_parser(
        "upgrade",
        help="bring the tables to this version of the program",
        description="Bring the tables to this version of the program, or make them. With SQLite the server must be "
        "stopped, and a copy is made first; with PostgreSQL make a backup first.",
    )
    _finish(upgrade, "databases", "upgrade_database")
    status = below.add_parser("status", help="schema, size, rows and connections; status 1 if an upgrade is needed")
    _finish(status, "databases", "show_status")
    reindex = below.add_parser(
        "reindex",
        help="make anew by which words things are found",
        description="Make anew by which words datasets, templates, batches, reports, jobs and users are found, when "
        "`jindu doctor` says that they are not. With SQLite the server must be stopped; with PostgreSQL nobody else "
        "writes meanwhile.",
    )
    _finish(reindex, "databases", "reindex")
    copy = below.add_parser(
        "copy",
        help="copy all rows into another, empty database, and compare both",
        description="Copy all rows into another, empty database: all of them or none. Both are compared in the end. "
        "No server may run on either meanwhile; files stay where they are.",
    )
    where = "sqlite (in the data directory), postgresql (of JINDU_DATABASE_URL), or an address"
    copy.add_argument("--from", dest="source", metavar="DATABASE", required=True, help=where)
    copy.add_argument("--to", dest="target", metavar="DATABASE", required=True, help="the same; it has to be empty")
    copy.add_argument(
        "--replace-nul", action="store_true", help="put a � where a text has the character NUL, instead of stopping"
    )
    _finish(copy, "databases", "copy_rows")


def _add_files(commands: Commands) -> None:
    files = commands.add_parser("files", help="move what is not a row into an S3 store, or back")
    below = files.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")
    copy = below.add_parser(
        "copy",
        help="copy all files into the S3 store of JINDU_STORAGE_URL, or out of it",
        description="Copy all files that rows may name into the S3 store of JINDU_STORAGE_URL, or out of it, and read "
        "them there. Repeated, it takes what is not there yet: once beside the server, and once more when it is "
        "stopped.",
    )
    places = ("storage", "data", "s3")  # the last is what the first was called
    copy.add_argument("--to", dest="target", choices=places, required=True, help="where they shall lie")
    _finish(copy, "file_places", "copy_files")
    adopt = below.add_parser(
        "adopt",
        help="say that the files of the database are where the settings say, whatever is there",
        description="Say that the files of the database are where JINDU_STORAGE_URL, or the data directory, has them: "
        "after they were moved by other means than `jindu files copy`, or are lost for good. No server may run.",
    )
    _finish(adopt, "file_places", "adopt_files")


def _finish(parser: argparse.ArgumentParser, module: str, function: str) -> None:
    parser.add_argument("--data", help="data directory of the server (default: JINDU_DATA, else data)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON, an object a line")
    parser.set_defaults(run=_runner(module, function))


def _runner(module: str, function: str) -> Callable[[dict[str, Any]], int]:
    def run(options: dict[str, Any]) -> int:
        from server.cli.caring import run_care

        return run_care(getattr(import_module(f"server.cli.{module}"), function), options)

    return run
