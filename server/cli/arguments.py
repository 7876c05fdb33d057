"""What the commands beside `serve` take; what they do is imported only when one runs, so that `--help` is quick."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_DEFAULT_URL = "http://127.0.0.1:8000"


def add_commands(commands: Commands) -> None:
    """Each command leaves a function `run(options)`, which answers the exit status, in its parser's defaults."""
    _add_admin(commands)
    _add_import(commands)
    _add_report(commands)
    _add_watch(commands)


def _add_admin(commands: Commands) -> None:
    admin = commands.add_parser("admin", help="look after accounts, in the data directory itself")
    create = admin.add_subparsers(dest="admin_command", required=True, metavar="COMMAND").add_parser(
        "create",
        help="create an administrator",
        description="Create an administrator. The password is asked for, or taken from --password-file, "
        "JINDU_ADMIN_PASSWORD or JINDU_ADMIN_PASSWORD_FILE.",
    )
    create.add_argument("--user", help="name to sign in with (default: JINDU_ADMIN_USER, else asked for)")
    create.add_argument("--password-file", type=Path, help="file that holds the password")
    create.add_argument("--data", help="data directory of the server (default: JINDU_DATA, else data)")
    create.set_defaults(run=_create_admin)


def _add_import(commands: Commands) -> None:
    parser = commands.add_parser("import", help="upload a file and import it into a dataset")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--dataset", required=True, metavar="NAME", help="dataset to import into")
    parser.add_argument(
        "--mode",
        choices=("create", "replace", "append"),
        default="create",
        help="make a new dataset, or replace or extend the one there is (default: create)",
    )
    _add_server(parser)
    parser.set_defaults(run=_import)


def _add_report(commands: Commands) -> None:
    parser = commands.add_parser("report", help="make reports from a template and download them")
    parser.add_argument("template", metavar="TEMPLATE", help="name of the template")
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
    parser.add_argument("--output", type=Path, default=Path(), metavar="DIR", help="where to save (default: here)")
    _add_server(parser)
    parser.set_defaults(run=_report)


def _add_watch(commands: Commands) -> None:
    parser = commands.add_parser("watch", help="show a job live until it is over")
    parser.add_argument("job", metavar="JOB", help="id of the job")
    _add_server(parser)
    parser.set_defaults(run=_watch)


def _add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default=None, help=f"server (default: JINDU_URL, else {_DEFAULT_URL})")
    parser.add_argument("--token", default=None, help="API token (default: JINDU_TOKEN); make one on your account page")


def _with_server(options: dict[str, Any]) -> dict[str, Any]:
    return options | {
        "url": options["url"] or os.environ.get("JINDU_URL") or _DEFAULT_URL,
        "token": options["token"] or os.environ.get("JINDU_TOKEN") or "",
    }


def _create_admin(options: dict[str, Any]) -> int:
    from server.cli.admin import create_admin

    return create_admin(user=options["user"], password_file=options["password_file"], data=options["data"])


def _import(options: dict[str, Any]) -> int:
    from server.cli.commands import import_file, run_command

    return run_command(import_file, _with_server(options))


def _report(options: dict[str, Any]) -> int:
    from server.cli.commands import make_reports, run_command

    return run_command(make_reports, _with_server(options))


def _watch(options: dict[str, Any]) -> int:
    from server.cli.commands import run_command, watch_job

    return run_command(watch_job, _with_server(options))
