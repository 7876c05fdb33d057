"""Command line of Jindu: `jindu serve` and friends, or `python run.py serve` in the source tree."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

from jindu.errors import ClientError
from server import __version__
from server import settings as settings_module
from server.cli.arguments import add_commands, add_json
from server.cli.output import complain, forgive_characters, refused
from server.cli.statuses import DONE, FAILED, INTERRUPTED
from server.errors import ConfigurationError, StorageFull
from server.settings import Settings

_SEVERAL = frozenset({"host"})  # besides lists; such flags may be repeated
_NOT_OF_WORKERS = frozenset({"role", "worker_kinds"})
_NOT_FOR_COMMANDS = ("run", "command", "subcommand")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the result is the process's exit status."""
    forgive_characters()
    options = vars(parser().parse_args(arguments))
    run = options["run"]
    try:
        return int(run({name: value for name, value in options.items() if name not in _NOT_FOR_COMMANDS}))
    except ConfigurationError as error:
        return refused(ClientError(error.text), as_json=options["json"])
    except KeyboardInterrupt:
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """All commands with what they take."""
    whole = argparse.ArgumentParser(prog=_name(), description="Jindu: business reporting that shows its work.")
    whole.add_argument("--version", action="version", version=f"jindu {__version__}")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_worker(commands)
    add_commands(commands)
    return whole


def _name() -> str:
    """What the person typed."""
    name = Path(sys.argv[0]).name
    return {"run.py": "python run.py", "__main__.py": "python -m server"}.get(name, "jindu")


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("serve", help="start the server")
    _add_settings(parser)
    parser.set_defaults(run=_serve)


def _add_worker(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "worker",
        help="start a worker, which runs the jobs of servers that share a PostgreSQL",
        description="Runs jobs until it is told to stop, and serves nobody. It takes the settings of a server, with "
        "the same database, broker, store of files and secret key.",
    )
    parser.add_argument(
        "--kinds",
        dest="worker_kinds",
        default=None,
        action="append",
        metavar="KIND",
        help="kinds of jobs that it runs, comma-separated, e.g. batch_report; may be repeated (default: all)",
    )
    _add_settings(parser, but=_NOT_OF_WORKERS)
    parser.set_defaults(run=_work)


def _add_settings(parser: argparse.ArgumentParser, *, but: Collection[str] = ()) -> None:
    add_json(parser, "log JSON, an object a line")
    for setting in settings_module.described():
        if setting.name in but:
            continue
        flag = "--" + setting.name.replace("_", "-")
        shown_default = "" if setting.metadata["secret"] else f" (default: {setting.default})"
        is_list = setting.name in _SEVERAL or isinstance(setting.default, tuple)
        parser.add_argument(
            flag,
            dest=setting.name,
            default=None,
            help=(setting.metadata["help"] + shown_default).replace("%", "%%"),  # argparse fills in what % begins
            action="append" if is_list else "store",
        )


def _serve(options: dict[str, Any]) -> int:
    gc.disable()  # until `tune_garbage_collector`: what is imported and built stays, and to look for more takes 100 ms
    # Reads the certificates of the system, for which the interpreter is not needed: meanwhile others are imported.
    Thread(target=import_module, args=("aiohttp",), daemon=True).start()
    import sqlalchemy  # noqa: F401 - the longest that does not need it

    from server.serving import serve  # here, so that `--help` and the client commands start at once

    return _run(serve, options)


def _work(options: dict[str, Any]) -> int:
    gc.disable()
    from server.working import work

    return _run(work, {**options, "role": "worker"})


def _run(start: Callable[[Settings], None], options: dict[str, Any]) -> int:
    from server.storage.privacy import be_private

    be_private()
    options = {name: ",".join(value) if isinstance(value, list) else value for name, value in options.items()}
    if options.pop("json"):
        options["log_format"] = "json"
    try:
        start(settings_module.load(options))
    except (OSError, StorageFull) as error:
        complain(f"cannot start: {error}")
        return FAILED
    return DONE


if __name__ == "__main__":
    sys.exit(main())
