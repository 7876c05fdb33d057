"""What schemathesis, which nobody here wrote, makes of the GraphQL schema: each query and mutation, for an editor."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import sys
from pathlib import Path

import aiohttp
import pytest

from server.settings import Settings
from tests.conftest import Server
from tests.contract.test_graphql_schema import COPY
from tests.process import ROOT

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0")) or 4  # of each field: a matter of seconds

_CONFIG = (
    'hooks = "tests.contract.graphql_fuzzing_hooks"',
    "request-timeout = 30.0",
    "warnings = false",
    "[generation]",
    "no-shrink = true",
    "deterministic = true",
    "allow-x00 = false",
)
_TRIED = re.compile(r"Tested: [1-9]\d")  # else it would have looked at locked doors


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, graphql=True)


@pytest.mark.timeout(120 + 30 * EXAMPLES)
async def test_schemathesis_finds_nothing(server: Server, alice: aiohttp.ClientSession, tmp_path: Path) -> None:
    config, authorization = tmp_path / "schemathesis.toml", alice.headers["Authorization"]
    lines = (
        'hooks = "tests.contract.graphql_fuzzing_hooks"',
        "request-timeout = 30.0",
        "warnings = false",
        "[generation]",
    )
    config.write_text("\n".join((*lines, "no-shrink = true", "deterministic = true", "allow-x00 = false")))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(COPY)),
        *("--url", f"{server.url}/graphql", "--header", f"Authorization: {authorization}", "--no-color"),
        *("--max-examples", str(EXAMPLES), "--phases", "fuzzing", "--checks", "answered_in_words_of_ours"),
        "--continue-on-failure",
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await process.communicate())[0].decode()
    if process.returncode != 0 or not _TRIED.search(said):
        pytest.fail(said, pytrace=False)  # an assertion would be cut off
