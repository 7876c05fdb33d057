"""Command line of Jindu: `python run.py serve` and friends."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence

from server import settings as settings_module
from server.cli.arguments import add_commands
from server.errors import ConfigurationError, StorageFull


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the result is the process's exit status."""
    parser = argparse.ArgumentParser(prog="run.py", description="Jindu: business reporting that shows its work.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_serve(commands)
    add_commands(commands)
    options = vars(parser.parse_args(arguments))
    run = options.pop("run")
    options.pop("command")
    options.pop("admin_command", None)
    try:
        return int(run(options))
    except ConfigurationError as error:
        print(f"jindu: {error.text}", file=sys.stderr)
        return 2


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("serve", help="start the server")
    for setting in settings_module.described():
        flag = "--" + setting.name.replace("_", "-")
        shown_default = "" if setting.metadata["secret"] else f" (default: {setting.default})"
        parser.add_argument(flag, dest=setting.name, default=None, help=setting.metadata["help"] + shown_default)
    parser.set_defaults(run=_serve)


def _serve(options: dict[str, str]) -> int:
    gc.disable()  # until `tune_garbage_collector`: what is imported and built stays, and to look for more takes 100 ms
    from server.serving import serve  # here, so that `--help` and the client commands start at once
    from server.storage.privacy import be_private

    be_private()
    try:
        serve(settings_module.load(options))
    except (OSError, StorageFull) as error:
        print(f"jindu: cannot start: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
