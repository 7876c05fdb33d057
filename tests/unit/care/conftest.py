"""One data directory and one backup of it for all tests that only read them; a copy for each that changes something."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.__main__ import main
from tests.unit.care.made_up_data import MadeUpData, make_data

Run = Callable[..., tuple[int, str, str]]


@contextmanager
def private() -> Iterator[None]:
    """As every command begins (`storage.privacy`)."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture(autouse=True)
def _private() -> Iterator[None]:
    with private():
        yield


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> MadeUpData:
    with private():
        return asyncio.run(make_data(tmp_path_factory.mktemp("care") / "data"))


@pytest.fixture(scope="session")
def archive(original: MadeUpData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return asyncio.run(original.backed_up(tmp_path_factory.mktemp("archive") / "a.zip")).path


@pytest.fixture
def data(original: MadeUpData, tmp_path: Path) -> MadeUpData:
    shutil.copytree(original.path, tmp_path / "data")
    return MadeUpData(tmp_path / "data")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """A command with no settings but those it is given; its exit status, output and complaints."""
    for name in [name for name in os.environ if name.startswith("JINDU_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return status, told.out, told.err

    return run
