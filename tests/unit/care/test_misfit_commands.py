"""Commands notice settings that are not those of the nodes, and nodes of other machines that they would work behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cryptography.fernet import Fernet

from server.app.engines import open_database
from server.auth.secret_key import fingerprint
from server.settings import Settings
from server.storage.database import NODE
from server.storage.living_nodes import NodeSetup, say_alive
from tests import postgresql, seaweed
from tests.unit.care.conftest import Run
from tests.unit.care.made_up_data import MadeUpData


def findings(out: str) -> dict[str, str]:
    """By code what is said."""
    return {found["code"]: found["text"] for found in json.loads(out)["findings"]}


@pytest.fixture
def url(worker_id: str, data: MadeUpData, run: Run, monkeypatch: pytest.MonkeyPatch) -> str:
    """The made-up data on PostgreSQL, which is in the settings."""
    made = postgresql.new_database(f"misfits_{worker_id}")
    monkeypatch.setenv("JINDU_DATABASE_URL", made)
    status, _, told = run("db", "copy", "--from", "sqlite", "--to", "postgresql", "--data", data.path)
    assert status == 0, told
    return made


@contextmanager
def node_at(url: str, setup: NodeSetup) -> Iterator[None]:
    """Of another machine."""
    database = open_database(Settings(database_url=url), name=f"{NODE}elsewhere:8000")

    async def begin() -> None:
        async with database.write() as connection:
            await say_alive(connection, start_id="x", name="east", host="elsewhere", setup=setup)

    with asyncio.Runner() as runner:
        runner.run(begin())
        yield
        runner.run(database.close())


def test_what_a_node_that_lives_would_refuse_is_told_and_nobody_works_behind_it(
    run: Run, data: MadeUpData, url: str
) -> None:
    setup = NodeSetup(key=fingerprint(Fernet.generate_key().decode(), data.path), files="s3", mark="m", broker="b")
    with node_at(url, setup):
        status, out, _ = run("config", "check", "--data", data.path, "--json")
        assert status == 2
        told = findings(out)["node_differs"]
        assert all(f"JINDU_{name}" in told for name in ("STORAGE_URL", "SECRET_KEY", "BROKER_URL"))
        for command in (("prune",), ("files", "adopt")):
            status, _, complaint = run(*command, "--data", data.path)
            assert (status, "elsewhere:8000 is connected" in complaint) == (2, True)
        assert run("prune", "--dry-run", "--data", data.path)[0] == 0


def test_a_wrong_prefix_is_no_loss_of_files(run: Run, data: MadeUpData, monkeypatch: pytest.MonkeyPatch) -> None:
    place = seaweed.new_place()
    for name, value in {"KEY_ID": seaweed.KEY_ID, "SECRET": seaweed.SECRET, "URL": place}.items():
        monkeypatch.setenv(f"JINDU_STORAGE_{name}", value)
    run("files", "copy", "--to", "s3", "--data", data.path)
    _, out, _ = run("doctor", "--data", data.path, "--json")
    assert "files_elsewhere" not in findings(out)
    monkeypatch.setenv("JINDU_STORAGE_URL", seaweed.new_place())
    status, out, _ = run("doctor", "--data", data.path, "--json")
    assert status == 2
    assert "files_elsewhere" in findings(out)
    assert "files_missing" not in findings(out)
    status, out, _ = run("files", "adopt", "--data", data.path)
    assert (status, "From now on the files" in out) == (0, True)
    _, out, _ = run("doctor", "--data", data.path, "--json")
    assert "files_missing" in findings(out)
    assert "files_elsewhere" not in findings(out)
