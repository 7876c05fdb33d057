"""The commands `backup` and `restore --prove` in a process of their own, for a server that goes on meanwhile.

Packing gigabytes must not make the server's event loop wait for the interpreter.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_PRIORITY = 10  # of its process: people come first
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldBackup:
    """`problem` is why there is no whole one, in English, as the command tells it; a file may be there all the same."""

    file: str = ""
    bytes: int = 0
    problem: str = ""


class BackupCommands:
    """`environment` has the settings that the commands need; `folder` is where backups of this server lie."""

    def __init__(self, *, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._environment = environment

    async def make(self, name: str) -> ToldBackup:
        """With its name: where the directory is away, as a disk that is not mounted, its own would become a file's."""
        told, problem = await self._command("backup", str(self.folder / name))
        if "file" not in told:
            return ToldBackup(problem=problem)
        missing = told["missing"]
        if missing:
            problem = f"{len(missing)} files that rows name are not there, such as {missing[0]}."
        return ToldBackup(file=told["file"], bytes=told["archive_bytes"], problem=problem if missing else "")

    async def prove(self, file: str) -> str:
        """Restored on trial; why not, empty if it went well."""
        proof, problem = await self._command("restore", file, "--prove")
        return "" if "file" in proof else problem

    async def _command(self, *words: str) -> tuple[dict[str, Any], str]:
        """What it told, and what it complained of."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("JINDU_")}
        here = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "server", *words, "--json"),
            env={**others, "PYTHONPATH": here, **self._environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the server's terminal is for the server, which ends this one
        )
        try:
            psutil.Process(process.pid).nice(_PRIORITY)
            out, complaints = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        lines = [json.loads(line) for line in out.decode().splitlines() if line.startswith("{")]
        told: dict[str, Any] = next((line for line in reversed(lines) if "file" in line), {})
        return told, complaints.decode(errors="replace").strip()[-_LONGEST_REASON:] or f"status {process.returncode}"
