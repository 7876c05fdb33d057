"""One command against a running server: the connection, how it is shown, and how whatever goes wrong is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from jindu.client import Client, Job
from jindu.errors import ClientError
from server.cli.display import Display, SilentDisplay, display_for_terminal
from server.cli.output import complain, refused, say_json
from server.cli.statuses import DONE, FAILED, INTERRUPTED

_GOES_ON = "stopped watching; what was started goes on on the server"


@dataclass(slots=True, kw_only=True)
class CliSession:
    """What a command works with. `farewell` is told to who presses Ctrl-C at this moment."""

    client: Client
    display: Display
    as_json: bool
    farewell: str = _GOES_ON

    def answer(self, value: Any, *lines: str) -> None:
        """The result: `value` with `--json`, else the lines."""
        if self.as_json:
            say_json(value)
            return
        for line in lines:
            self.display.say(line)

    async def followed(self, job_id: str) -> Job:
        """The job when it is over; it is shown until then."""
        self.farewell = _GOES_ON
        job: Job = {}
        async for job in self.client.watch(job_id):
            self.display.show(job)
        return job

    def status_of(self, job: Job) -> int:
        if job["state"] == "succeeded":
            return DONE
        error = job.get("error") or {}
        complain(f"{job['title']}: {error.get('message') or job['state']}")
        return FAILED


CliCommand = Callable[[CliSession, dict[str, Any]], Awaitable[int]]


def run_command(command: CliCommand, options: dict[str, Any]) -> int:
    """Run `command` against the server of `options`; answers the exit status."""
    as_json: bool = options["json"]
    farewells: list[str] = []
    try:
        return asyncio.run(_connected(command, options, farewells))
    except (ClientError, OSError, ValueError) as error:
        return refused(error, as_json=as_json)
    except KeyboardInterrupt:
        complain(farewells[-1] if farewells else "stopped")
        return INTERRUPTED


async def _connected(command: CliCommand, options: dict[str, Any], farewells: list[str]) -> int:
    async with Client(options["url"], options["token"]) as client:
        with SilentDisplay() if options["json"] else display_for_terminal() as display:
            session = CliSession(client=client, display=display, as_json=options["json"])
            try:
                return await command(session, options)
            except asyncio.CancelledError:
                farewells.append(session.farewell)
                raise
