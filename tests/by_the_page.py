"""What stands in a page of docs/ for an operator, typed as it stands there, on a machine whose places are others."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

from tests.process import ROOT

_KEPT = ("export ", "unset ", "set -a; ")  # what the lines that follow stand on


def commands(page: str, heading: str) -> Iterator[list[str]]:
    """The lines that stand below a heading, a block at a time."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    (section,) = re.findall(rf"^##+ {re.escape(heading)}\n(.*?)(?:^##|\Z)", text, re.MULTILINE | re.DOTALL)
    for block in re.findall(r"```console\n(.*?)```", section, re.DOTALL):
        yield [line.strip().removeprefix("$ ") for line in block.splitlines() if line.strip().startswith("$ ")]


class Shell:
    """`places` are what the page calls somewhere, and where it is here."""

    def __init__(self, cwd: Path, places: dict[str, str]) -> None:
        self._cwd = cwd
        self._places = places
        self._kept: list[str] = [f'jindu() {{ "{ROOT}/.venv/bin/python" "{ROOT}/run.py" "$@"; }}']
        self.told: list[str] = []

    def here(self, line: str) -> str:
        for theirs, ours in self._places.items():
            line = re.sub(theirs, ours, line)
        return line

    async def run(self, line: str) -> None:
        line = self.here(line)
        if line.startswith(_KEPT):
            self._kept.append(line)
            return
        script = "\n".join([*self._kept, line])
        process = await asyncio.create_subprocess_exec(
            "bash", "-euc", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=self._cwd
        )
        async with asyncio.timeout(60):
            out, error = await process.communicate()
        # The servers of these tests keep nothing over a power cut, which `doctor` warns of.
        allowed = (0, 1) if line.startswith("jindu doctor") else (0,)
        assert process.returncode in allowed, (line, out.decode(), error.decode())
        self.told.append(out.decode())
