"""The server process never parses, compiles or decodes what a user wrote: worker processes do.

A request is JSON, a form or bytes to be stored; everything else in it (templates, expressions, SQL, files, pictures)
may be made to take all memory and time there is, and must not do so where everybody's connections are.
"""

from __future__ import annotations

import traceback
import zipfile
from collections.abc import Callable
from typing import Any

import aiohttp
import chardet
import duckdb
import jinja2.sandbox
import pytest
import python_calamine
import quickjs
import ruamel.yaml
import typst
import xlsxwriter
import yarl
from pyarrow import csv as arrow_csv
from pyarrow import parquet as arrow_parquet

from server.datasets import conversion, previewing
from server.reports import images
from server.reports.sandbox import Sandbox
from tests.conftest import Server
from tests.functional.doors import doors, prepared

EVALUATING: list[tuple[Any, str]] = [
    (duckdb, "connect"),
    (duckdb, "execute"),
    (duckdb, "sql"),
    (ruamel.yaml.YAML, "__init__"),
    (Sandbox, "__init__"),
    (jinja2.sandbox.SandboxedEnvironment, "__init__"),
    (conversion, "open_file"),
    (previewing, "open_file"),
    (images, "read_image"),
    (chardet, "detect"),
    (zipfile.ZipFile, "_RealGetContents"),  # reading one; the server writes them
    (arrow_csv, "open_csv"),
    (arrow_csv, "read_csv"),
    (arrow_parquet, "ParquetFile"),
    (arrow_parquet, "read_table"),
    (python_calamine, "load_workbook"),
    (quickjs, "Context"),
    (typst, "compile"),
    (typst, "Compiler"),
    (xlsxwriter.Workbook, "__init__"),
]


class Probe:
    """Notes where the server process evaluated something, and lets it."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def watch(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def noted(*arguments: Any, **named: Any) -> Any:
            self.found.append(f"{name} in\n" + "".join(traceback.format_stack(limit=8)[:-1]))
            return original(*arguments, **named)

        monkeypatch.setattr(owner, name, noted)


@pytest.fixture
def probe(server: Server, monkeypatch: pytest.MonkeyPatch) -> Probe:
    probe = Probe()
    for owner, name in EVALUATING:
        probe.watch(monkeypatch, owner, name)
    return probe


async def test_no_operation_evaluates_in_the_server(server: Server, admin: aiohttp.ClientSession, probe: Probe) -> None:
    places = await prepared(admin)
    asked = 0
    for door in doors(places):
        address = yarl.URL(door.path, encoded=True)
        async with admin.request(door.method, address, allow_redirects=False, **door.body) as response:
            await response.read()
            assert response.status < 500, (door, await response.text())
        asked += 1
    assert asked > 100
    assert not probe.found, "\n".join(probe.found)


async def test_the_probe_sees_what_is_evaluated(probe: Probe) -> None:
    Sandbox({})
    duckdb.connect().close()
    assert len(probe.found) >= 2
