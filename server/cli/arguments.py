"""What the commands beside `serve` take; what they do is imported only when one runs, so that `--help` is quick."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jindu.place import DEFAULT_URL
from server.cli.account_arguments import add_account_commands
from server.cli.care_arguments import add_care_commands

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_JSON_HELP = "print the result as JSON, an object a line"
_OUTCOMES = ("complete", "partial")
_STATES = ("queued", "running", "succeeded", "failed", "cancelled")


def add_commands(commands: Commands) -> None:
    """Each command leaves a function `run(options)`, which answers the exit status, in its parser's defaults."""
    _add_import(commands)
    _add_report(commands)
    _add_watch(commands)
    _add_jobs(commands)
    _add_schedule(commands)
    _with_server(
        commands.add_parser("nodes", help="list the nodes of the last day, and how each does"), "nodes", "list_nodes"
    )
    _add_admin(commands)
    add_care_commands(commands)


def add_json(parser: argparse.ArgumentParser, text: str = _JSON_HELP) -> None:
    parser.add_argument("--json", action="store_true", help=text)


def _add_admin(commands: Commands) -> None:
    admin = commands.add_parser("admin", help="look after accounts, in the data directory itself")
    below = _below(admin)
    create = below.add_parser(
        "create",
        help="create an administrator",
        description="Create an administrator. The password is asked for, or taken from --password-file, "
        "JINDU_ADMIN_PASSWORD or JINDU_ADMIN_PASSWORD_FILE.",
    )
    create.add_argument("--user", help="name to sign in with (default: JINDU_ADMIN_USER, else asked for)")
    create.add_argument("--password-file", type=Path, help="file that holds the password")
    create.add_argument("--data", help="data directory of the server (default: JINDU_DATA, else data)")
    add_json(create)
    create.set_defaults(run=_create_admin)
    add_account_commands(below)


def _add_import(commands: Commands) -> None:
    parser = commands.add_parser(
        "import",
        help="upload a file and import it into a dataset",
        description="Upload a file and import it into a dataset. What is wrong with the order is told before anything "
        "is sent. Interrupted, the same command goes on with its upload.",
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        help="file to import; - reads standard input. The server itself gets https://… and folder:NAME/FILE, whose "
        "FILE may have * and ?: the newest",
    )
    parser.add_argument("--name", help="name of what comes from standard input, e.g. orders.csv")
    parser.add_argument("--dataset", metavar="NAME", help="dataset to import into")
    parser.add_argument("--owner", metavar="USER", help="whose dataset it is, when another's that you may edit")
    parser.add_argument(
        "--mode",
        choices=("create", "replace", "append", "upsert"),
        help="make a new dataset, or replace, extend or update the one there is (default: create)",
    )
    parser.add_argument(
        "--key", action="append", metavar="COLUMN", help="of --mode upsert: what tells rows apart; repeat it for more"
    )
    parser.add_argument(
        "--profile",
        help="TOML or JSON file of all these, or the name of one in ~/.config/jindu/profiles; flags win over it",
    )
    parser.add_argument(
        "--fail-on-rejects", action="store_true", help="exit status 3 when rows were rejected, though all others came"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="read and judge all of the file and say what would happen; change nothing",
    )
    parser.add_argument(
        "--save-rejects",
        type=Path,
        metavar="FILE",
        help="where to save rejected rows in the layout of the file, with the reasons",
    )
    _add_reading(parser)
    _with_server(parser, "importing", "import_file")


def _add_reading(parser: argparse.ArgumentParser) -> None:
    reading = parser.add_argument_group("how to read the file", "What is left out is found by looking at the file.")
    reading.add_argument("--encoding", help="e.g. utf-8, gb18030, windows-1252")
    reading.add_argument("--delimiter", metavar="CHARACTER", help="between two values; tab for a tab")
    reading.add_argument("--quote", metavar="CHARACTER", help='around values; "" for none')
    reading.add_argument("--header", action=argparse.BooleanOptionalAction, help="the first row has the names")
    reading.add_argument("--sheet", metavar="NAME", help="sheet of an Excel file, list of a JSON document")
    reading.add_argument("--member", metavar="NAME", help="file in a zip")
    reading.add_argument("--skip-rows", type=int, metavar="N", help="lines above the header")
    reading.add_argument(
        "--column",
        action="append",
        dest="columns",
        metavar="NAME[=SOURCE][:TYPE[:FORMAT]]",
        help="a column to keep, its name in the file, its type (text, integer, decimal, float, boolean, date, "
        "datetime, timestamp) and how it is written; repeat it for all that are to be kept",
    )
    reading.add_argument(
        "--pad-short-rows", action=argparse.BooleanOptionalAction, help="fill up rows that end early with empty cells"
    )
    reading.add_argument(
        "--leave-out-totals", action=argparse.BooleanOptionalAction, help="leave out rows that sum those above them"
    )
    reading.add_argument(
        "--reject-limit",
        type=_limit,
        metavar="LIMIT",
        help="stop when more rows are wrong: a number, or a share as 5%%",
    )


def _add_report(commands: Commands) -> None:
    parser = commands.add_parser("report", help="make reports from a template and download them")
    parser.add_argument("template", metavar="TEMPLATE", help="name of the template")
    parser.add_argument("--owner", metavar="USER", help="whose template it is, when one that is shared with you")
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="parameters",
        help="a parameter; repeat it for more. One left out that has `each` gives one report per value",
    )
    parser.add_argument(
        "--format",
        action="append",
        default=[],
        choices=("pdf", "xlsx", "html"),
        dest="formats",
        help="repeat it for more (default: those of the template)",
    )
    parser.add_argument(
        "--as-of", default="", metavar="DAY", help="a day or RFC 3339 moment that they speak of (default: now)"
    )
    parser.add_argument(
        "--deliver",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="mail them there, too; repeat it for more. What is no address is the column that names who gets which",
    )
    parser.add_argument("--output", type=Path, default=Path(), metavar="DIR", help="where to save (default: here)")
    _with_server(parser, "reporting", "make_reports")


def _add_watch(commands: Commands) -> None:
    parser = commands.add_parser("watch", help="show a job live until it is over")
    parser.add_argument("job", metavar="JOB", help="id of the job")
    _with_server(parser, "jobs", "watch_job", json_help="print each newer state of the job as JSON, an object a line")


def _add_jobs(commands: Commands) -> None:
    below = _below(commands.add_parser("jobs", help="list jobs, cancel them, start them again, read their logs"))
    listing = below.add_parser("list", help="list jobs, the newest first")
    _add_filters(listing)
    listing.add_argument("--limit", type=_count, default=50, metavar="N", help="at most so many (default: 50)")
    _with_server(listing, "jobs", "list_jobs")
    for name, help_text, function in (
        ("cancel", "stop jobs", "cancel_jobs"),
        ("retry", "start failed or cancelled jobs again from the beginning", "retry_jobs"),
    ):
        parser = below.add_parser(name, help=help_text)
        parser.add_argument("jobs", metavar="JOB", nargs="*", help="id of a job; - reads ids from standard input")
        _add_filters(parser)
        _with_server(parser, "jobs", function)
    log = below.add_parser("log", help="show what a job logged")
    log.add_argument("job", metavar="JOB", help="id of the job")
    _with_server(log, "jobs", "show_log")


def _add_schedule(commands: Commands) -> None:
    below = _below(commands.add_parser("schedule", help="list schedules, run them now, pause and resume them"))
    listing = below.add_parser("list", help="list schedules, what comes next first")
    listing.add_argument("--all", action="store_true", help="everybody's; for administrators")
    _with_server(listing, "schedules", "list_schedules")
    for name, help_text in (
        ("run", "run schedules now, besides their times"),
        ("pause", "pause schedules: they come no more until they are resumed"),
        ("resume", "resume schedules, such as those that came back from a backup"),
    ):
        parser = below.add_parser(name, help=help_text)
        parser.add_argument("schedules", metavar="SCHEDULE", nargs="+", help="id of a schedule")
        if name == "run":
            parser.add_argument("--wait", action="store_true", help="until the reports are made")
            to_me = "on trial: the first three mails of each come to you, and nothing goes to anybody else"
            parser.add_argument("--to-me", action="store_true", help=to_me)
        _with_server(parser, "schedules", f"{name}_schedules")


def _add_filters(parser: argparse.ArgumentParser) -> None:
    filters = parser.add_argument_group("filters", "Jobs that fit all of them.")
    filters.add_argument(
        "--state", action="append", choices=_STATES, help="how they stand; repeat it for more than one"
    )
    filters.add_argument("--outcome", choices=_OUTCOMES, help="of those that succeeded: of all of it, or not of all")
    filters.add_argument("--kind", action="append", help="e.g. data_import; repeat it for more than one")
    filters.add_argument("--user", metavar="NAME", help="whose; for administrators")
    filters.add_argument("--since", type=_moment, metavar="TIME", help="made at or after it, e.g. 2026-10-01T08:00")
    filters.add_argument("--until", type=_moment, metavar="TIME", help="made before")
    filters.add_argument("--search", metavar="TEXT", help="in title or message")


def _count(given: str) -> int:
    if not given.isdecimal() or not (number := int(given)):
        raise argparse.ArgumentTypeError(f"{given!r} is no number from 1 on")
    return number


def _limit(given: str) -> int | str:
    """Whether the share is one, the server says."""
    if given.endswith("%"):
        return given
    try:
        return int(given)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{given!r} is neither a number nor a share like 5%") from None


def _moment(given: str) -> str:
    """RFC 3339; without a zone it is meant in that of this machine."""
    try:
        return datetime.fromisoformat(given).astimezone(UTC).isoformat().replace("+00:00", "Z")
    except ValueError:
        raise argparse.ArgumentTypeError(f"{given!r} is no time like 2026-10-01 or 2026-10-01T08:00") from None


def _below(parser: argparse.ArgumentParser) -> Commands:
    return parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")


def _with_server(parser: argparse.ArgumentParser, module: str, function: str, *, json_help: str = _JSON_HELP) -> None:
    """A command that `function` of `server.cli.<module>` does against a running server."""
    server = parser.add_argument_group("server")
    server.add_argument("--url", default=None, help=f"address of the server (default: JINDU_URL, else {DEFAULT_URL})")
    server.add_argument("--token", default=None, help="API token (default: JINDU_TOKEN); make one on your account page")
    add_json(parser, json_help)
    parser.set_defaults(run=_runner(module, function))


def _runner(module: str, function: str) -> Callable[[dict[str, Any]], int]:
    def run(options: dict[str, Any]) -> int:
        from server.cli.session import run_command

        return run_command(getattr(import_module(f"server.cli.{module}"), function), options)

    return run


def _create_admin(options: dict[str, Any]) -> int:
    from server.cli.admin import create_admin

    return create_admin(
        user=options["user"],
        password_file=options["password_file"],
        data=options["data"],
        as_json=options["json"],
    )
