"""`jindu-client`, packed and installed as from a registry: type-checked, and run by Node against a server."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import server as server_package
from tests.conftest import Server
from tests.functional.command_line import token_of
from tests.process import ROOT

PACKAGE = ROOT / "static" / "js"
CLIENTS = ROOT / "tests" / "clients"
# As in a script's tsconfig.json; `--skipLibCheck false` has our own declarations checked.
TSC = (
    *("--strict", "--skipLibCheck", "false", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes"),
    *("--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom"),
)


async def done(*command: str, cwd: Path, **environ: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env=os.environ | environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(90):
        out, errors = await process.communicate()
    assert process.returncode == 0, (out + errors).decode()
    return out.decode()


@pytest.fixture
async def project(tmp_path: Path) -> Path:
    """An empty directory, with the packed client installed."""
    (packed,) = json.loads(await done("npm", "pack", "--json", "--pack-destination", str(tmp_path), cwd=PACKAGE))
    project = tmp_path / "project"
    project.mkdir()
    (project / "package.json").write_text('{"type": "module", "private": true}', "utf-8")
    await done(
        "npm", "install", "--offline", "--no-audit", "--no-fund", str(tmp_path / packed["filename"]), cwd=project
    )
    return project


async def run(project: Path, server: Server, client: aiohttp.ClientSession, *node: str) -> dict[str, Any]:
    answer = await done("node", *node, "follow.js", cwd=project, JINDU_URL=server.url, JINDU_TOKEN=token_of(client))
    told: dict[str, Any] = json.loads(answer)
    return told


async def test_the_packed_client_is_typed_and_follows_jobs_and_events_from_node(
    project: Path, server: Server, alice: aiohttp.ClientSession
) -> None:
    assert (CLIENTS / "node_modules").is_dir(), "make clients"
    installed = project / "node_modules" / "jindu-client"
    files = {path.name for path in installed.iterdir()}
    assert files == {"package.json", "README.md", "LICENSE"} | {path.name for path in PACKAGE.glob("live-*")}
    assert json.loads((installed / "package.json").read_text("utf-8"))["version"] == server_package.__version__

    readme = re.findall(r"```ts\n(.*?)```", (installed / "README.md").read_text("utf-8"), re.DOTALL)
    assert readme
    (project / "readme.ts").write_text(
        "declare const process: { env: Record<string, string>; argv: string[] };\n" + "".join(readme), "utf-8"
    )
    (project / "follow.ts").write_text((CLIENTS / "follow.ts").read_text("utf-8"), "utf-8")
    compiler = CLIENTS / "node_modules" / "typescript" / "bin" / "tsc"
    await done("node", str(compiler), *TSC, "follow.ts", "readme.ts", cwd=project)

    version = int((await done("node", "--version", cwd=project)).lstrip("v").split(".")[0])
    told = await run(project, server, alice)
    expected = {"job": ["succeeded", 10, 10], "told": {"count": 3}, "refused": "not_found"}
    assert told == expected | {"transport": "websocket" if version >= 22 else "sse"}
    if version < 22:  # as every Node from 22 on has it
        assert await run(project, server, alice, "--experimental-websocket") == expected | {"transport": "websocket"}

    (project / "nowhere.js").write_text(
        'import { LiveClient } from "jindu-client"; new LiveClient({ token: "x" });', "utf-8"
    )
    with pytest.raises(AssertionError, match="Say where to connect"):
        await done("node", "nowhere.js", cwd=project)


@pytest.mark.parametrize("copy", [PACKAGE / "LICENSE", ROOT / "jindu" / "LICENSE"], ids=["npm", "pypi"])
def test_each_package_has_the_licence(copy: Path) -> None:
    assert copy.read_bytes() == (ROOT / "LICENSE").read_bytes()
