"""The parts without any web application: who imports them, what can be done with them, and that they always close."""

from __future__ import annotations

import asyncio
import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from server.app.parts import Parts, build_parts
from server.auth.permissions import Principal, Role
from server.errors import ConfigurationError, NotFound
from server.jobs.job import Job, State
from server.settings import Settings

ROOT = Path(__file__).parent.parent


def test_parts_import_nothing_of_the_web() -> None:
    assert _python("-c", "import server.app.parts, server.cli.admin, sys; print(*sys.modules)").isdisjoint(
        {"aiohttp", "aiohttp_session", "aiohttp_jinja2", "views", "server.http", "server.transports"}
    )


def test_the_server_loads_nothing_that_reads_what_people_wrote() -> None:
    loaded = {name.partition(".")[0] for name in _python("-c", "import server.app.parts, sys; print(*sys.modules)")}
    assert loaded.isdisjoint({"duckdb", "pyarrow", "typst", "quickjs", "PIL", "xlsxwriter"})


def test_a_short_program_imports_a_file_and_makes_a_report(tmp_path: Path) -> None:
    words = _python(str(ROOT / "tests" / "without_web.py"), str(tmp_path))
    assert {"<html", "north", "160", "south", "80"} <= words


async def test_what_is_opened_ends_whatever_fails(settings: Settings) -> None:
    before = asyncio.all_tasks()
    parts = build_parts(settings)
    with pytest.raises(ZeroDivisionError):
        async with parts.open():
            raise ZeroDivisionError
    assert asyncio.all_tasks() == before
    assert not await _is_cut(settings)


async def test_a_start_that_fails_in_the_middle_closes_what_was_open(settings: Settings) -> None:
    before = asyncio.all_tasks()
    parts = build_parts(dataclasses.replace(settings, admin_password="short"))
    with pytest.raises(ConfigurationError):
        async with parts.open():
            pass
    assert asyncio.all_tasks() == before
    assert not await _is_cut(settings)


async def test_a_bare_worker_ends_what_another_process_began(settings: Settings) -> None:
    async with build_parts(settings).open() as parts:
        alice, bob = await _user(parts, "alice"), await _user(parts, "bob")
        parts.hurry.set()  # so that it is not waited for
        job = await parts.operations.jobs.demonstrate(alice, seconds=2, total=20, fail_at=None, idempotency_key=None)
    async with build_parts(settings).open() as parts:
        assert (await _ended(parts, alice, job)).state is State.SUCCEEDED
        with pytest.raises(NotFound):
            await parts.operations.jobs.get(bob, job.id)


async def _is_cut(settings: Settings) -> bool:
    """What the next start makes of the end of this one."""
    database = build_parts(settings).storage.database
    try:
        await database.migrate()
        return await database.is_cut()
    finally:
        await database.close()


async def _user(parts: Parts, name: str) -> Principal:
    user = await parts.operations.accounts.create_user(
        None, name=name, password=f"correct-horse-{name}", role=Role.EDITOR
    )
    return Principal(user_id=user.id, user_name=user.name, role=user.role, language="en")


async def _ended(parts: Parts, principal: Principal, job: Job) -> Job:
    async with asyncio.timeout(30):
        while not job.state.is_final:
            await asyncio.sleep(0.02)
            job = await parts.operations.jobs.get(principal, job.id)
    return job


def _python(*arguments: str) -> set[str]:
    """What a process of its own wrote, as words, numbers and beginnings of tags."""
    command, environ = [sys.executable, *arguments], {"PYTHONPATH": str(ROOT)}
    run = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.replace(">", " ").replace("</", " ").replace("<", " <").split())
