"""One command that looks after a data directory: how it is run, and how a refusal is told."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from jindu.errors import Problem
from server.care.problem import CareRefused
from server.cli.causes import with_cause
from server.cli.output import refused
from server.errors import ConfigurationError, JinduError
from server.settings import Settings
from server.storage.one_server import require_whole
from server.storage.privacy import be_private

CareCommand = Callable[[dict[str, Any]], Awaitable[int]]


def run_care(command: CareCommand, options: dict[str, Any]) -> int:
    """Answers the exit status."""
    be_private()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was begun is tidied up
    try:
        return asyncio.run(_run(command, options))
    except CareRefused as error:
        return refused(Problem(0, error.code, str(error)), as_json=options["json"])
    except OSError as error:
        told = f"{error.strerror}: {error.filename}" if error.filename else str(error)
        return refused(Problem(0, "not_possible", told), as_json=options["json"])
    except ConfigurationError:
        raise  # told by whoever called
    except JinduError as error:
        return refused(Problem(0, error.specific_code, with_cause(error)), as_json=options["json"])


async def _run(command: CareCommand, options: dict[str, Any]) -> int:
    return await command(options)


def progress(*, as_json: bool) -> Callable[[str], None]:
    """What is being done, for whoever looks on."""

    def say(text: str) -> None:
        if not as_json:
            print(f"{text} …", file=sys.stderr, flush=True)

    return say


def require_data(settings: Settings) -> None:
    """A slip in a path must not become a new, empty server; and half a restore is neither the old data nor the new."""
    if not settings.data.is_dir():
        raise CareRefused(
            "no_data", f"There is no data directory {settings.data}. Give that of the server with --data."
        )
    require_whole(settings.data)
    if not settings.database_url and not (settings.data / "jindu.db").is_file():
        raise CareRefused(
            "no_database",
            f"There is no database in {settings.data}. If it is PostgreSQL, set JINDU_DATABASE_URL as for the server.",
        )
