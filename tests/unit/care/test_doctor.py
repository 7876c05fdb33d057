"""What doctor finds, and what it does about it when it is asked to."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from server.care.configuration_checks import check_configuration
from server.care.database_checks import check_database, check_kinds_run
from server.care.file_checks import ORPHANS, check_files, look_at_files
from server.care.findings import CareFinding, Gravity, exit_status
from server.care.machine_checks import OPEN_TO_OTHERS, check_machine
from server.care.problem import CareRefused
from server.care.repairs import close_to_others, put_orphans_aside
from server.settings import Settings
from server.storage.one_server import RESTORING, begin_moving, held
from tests.process import ROOT
from tests.unit.care.made_up_data import NOW, MadeUpData

OLD = time.time() - 100_000


async def found(data: MadeUpData, *, thorough: bool = False) -> dict[str, CareFinding]:
    database = data.database()
    try:
        async with database.read() as connection:
            findings = [
                each
                async for each in check_database(
                    connection, thorough=thorough, clock=lambda: NOW + timedelta(seconds=1)
                )
            ]
        findings += check_files(await look_at_files(database, data.path, thorough=thorough))
    finally:
        await database.close()
    findings += check_machine(Settings(data=data.path, min_free_bytes=0))
    return {finding.code: finding for finding in findings if finding.severity is not Gravity.NOTE}


def placed(data: MadeUpData, place: str, content: bytes = b"x", *, age: float = OLD) -> Path:
    path = data.path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (age, age))
    return path


@pytest.mark.parametrize("thorough", [False, True])
async def test_a_sound_directory_has_nothing_wrong(data: MadeUpData, *, thorough: bool) -> None:
    before = data.rows(), data.files()
    findings = await found(data, thorough=thorough)
    assert findings.keys() <= {"few_descriptors"}  # as this machine has it
    assert (data.rows(), data.files()) == before


def replace_by_directory(data: MadeUpData) -> None:
    (path,) = data.path.rglob("r.pdf")
    path.unlink()
    path.mkdir()


def clobber(data: MadeUpData) -> None:
    (path,) = data.path.rglob("data.parquet")
    path.write_bytes(b"PAR1rowsPAR2")


def swap_bytes(data: MadeUpData) -> None:
    (path,) = data.path.rglob("r.pdf")
    path.write_bytes(path.read_bytes()[::-1])


def shorten(data: MadeUpData) -> None:
    (data.path / "uploads" / ("1" * 26)).write_bytes(b"1")


def cut_short(data: MadeUpData) -> None:
    (data.path / RESTORING).mkdir(0o700)
    begin_moving(data.path)


WRONG: dict[str, tuple[Callable[[MadeUpData], Any], bool, str]] = {
    "a report is gone": (lambda data: next(data.path.rglob("r.pdf")).unlink(), False, "files_missing"),
    "an upload is gone": (lambda data: (data.path / "uploads" / ("0" * 26)).unlink(), False, "files_missing"),
    "a directory in its place": (replace_by_directory, False, "files_unreadable"),
    "acknowledged bytes are gone": (shorten, False, "files_changed"),
    "another content": (swap_bytes, True, "files_changed"),
    "no Parquet": (clobber, True, "files_changed"),
    "an old file of nobody": (lambda data: placed(data, "blobs/datasets/x/data.parquet"), False, "orphan_blobs"),
    "a picture of nobody": (lambda data: placed(data, "blobs/images/abc"), False, "orphan_blobs"),
    "an upload of nobody": (lambda data: placed(data, "uploads/abc"), False, "orphan_blobs"),
    "open to others": (lambda data: (data.path / "jindu.db").chmod(0o644), False, "open_to_others"),
    "a newer schema": (
        lambda data: data.execute("UPDATE alembic_version SET version_num='9'"),
        False,
        "schema_too_new",
    ),
    "an older schema": (
        lambda data: data.execute("UPDATE alembic_version SET version_num='0001'"),
        False,
        "schema_old",
    ),
    "rows from the future": (
        lambda data: data.execute("UPDATE audit SET at = '2036-01-01 00:00:00.000000'"),
        False,
        "clock_behind",
    ),
    "a reference to nobody": (
        lambda data: data.execute("UPDATE tokens SET user_id = 'x' WHERE id LIKE '0%'"),
        False,
        "references_broken",
    ),
    "a restore that was cut short": (cut_short, False, "restore_unfinished"),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_is_wrong_is_found_and_nothing_else(data: MadeUpData, wrong: str) -> None:
    make, thorough, code = WRONG[wrong]
    make(data)
    findings = await found(data, thorough=thorough)
    assert findings.keys() - {"few_descriptors"} == {code}
    assert findings[code].text.endswith((".", "x"))
    assert findings[code].advice


async def test_what_is_young_or_somebody_s_is_no_orphan(data: MadeUpData) -> None:
    placed(data, "blobs/datasets/young/data.parquet", age=time.time())
    placed(data, "blobs/datasets/gone/data.parquet")  # a batch remembers it
    placed(data, f"blobs/reports/{'0' * 26}/first-page.webp")
    placed(data, f"blobs/reports/{'0' * 26}/in-the-making.pdf")
    placed(data, "blobs/partial/x")
    assert "orphan_blobs" not in await found(data)


async def test_orphans_are_put_aside_but_not_too_many_of_them(data: MadeUpData) -> None:
    before = data.files()
    placed(data, "blobs/images/abc", b"content")
    database = data.database()
    try:
        with pytest.raises(CareRefused, match="1 of 7 files") as refused:
            await put_orphans_aside(database, data.path, really=False)
        assert refused.value.code == "too_many"
        for number in range(6):  # so that one is less than a tenth
            placed(data, f"blobs/reports/{'0' * 26}/{number}.pdf")
        done = await put_orphans_aside(database, data.path, really=False)
        assert (done.count, done.bytes) == (1, 7)
        assert done.aside is not None
        assert (Path(done.aside) / "blobs/images/abc").read_bytes() == b"content"
        assert not (data.path / "blobs/images/abc").exists()
        assert before.items() <= data.files().items()
        assert (await put_orphans_aside(database, data.path, really=False)).count == 0
        placed(data, "blobs/images/abc", b"content")
        placed(data, "blobs/images/abd", b"content")
        assert (await put_orphans_aside(database, data.path, really=True)).count == 2
    finally:
        await database.close()


async def test_no_orphan_is_sought_where_files_cannot_be_read(data: MadeUpData) -> None:
    replace_by_directory(data)
    placed(data, "blobs/images/abc")
    database = data.database()
    with pytest.raises(CareRefused, match="cannot be read"):
        await put_orphans_aside(database, data.path, really=True)
    await database.close()
    assert (data.path / "blobs/images/abc").exists()


async def test_doors_are_closed_on_request(data: MadeUpData) -> None:
    (data.path / "blobs").chmod(0o755)
    (data.path / "secret.key").chmod(0o640)
    database = data.database()
    assert (await close_to_others(database, data.path, really=False)).count == 2
    await database.close()
    assert "open_to_others" not in await found(data)


async def test_a_server_that_runs_is_told_and_not_disturbed(data: MadeUpData) -> None:
    settings = Settings(data=data.path)
    with held(data.path):
        assert "server_runs" in {finding.code for finding in check_machine(settings)}
    assert "server_runs" not in {finding.code for finding in check_machine(settings)}
    with held(data.path):
        pass


def test_a_collector_without_the_packages_for_it_is_found_before_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path, otlp_endpoint="http://localhost:4318")
    assert "opentelemetry_missing" not in {finding.code for finding in check_configuration(settings)}
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    assert "opentelemetry_missing" in {finding.code for finding in check_configuration(settings)}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"port": 70_000}, "port_wrong"),
        ({"log_level": "loud"}, "log_level_wrong"),
        ({"public_url": "reports.example.com"}, "public_url_wrong"),
        ({"allowed_origins": ("nonsense",)}, "allowed_origins_wrong"),
        ({"public_url": "https://reports.example.com"}, "proxy_not_trusted"),
        ({"public_url": "http://intranet/jindu/"}, "base_path_differs"),
        ({"trusted_proxies": 1, "host": "::"}, "proxy_can_be_passed"),
        ({"secret_key": "short"}, "secret_key_wrong"),
        ({"storage_key_id": "jindu", "storage_secret": "x"}, "storage_url_missing"),
        ({"alert_mail_to": ("ops@example.com",)}, "mail_not_set_up"),
        ({"smtp_password": "x", "smtp_security": "none"}, "mail_in_the_open"),
        ({"import_folders": ("inbox=/nowhere/at/all",)}, "folder_gone"),
        ({"data": Path(__file__) / "below"}, "data_wrong"),
    ],
)
def test_what_serve_would_stumble_over_is_told(tmp_path: Path, given: dict[str, Any], code: str) -> None:
    assert [finding.code for finding in check_configuration(Settings(**{"data": tmp_path, **given}))] == [code]


def test_every_code_is_in_the_docs_and_the_docs_name_no_other() -> None:
    sources = [path for part in ("care", "cli", "engines") for path in (ROOT / "server" / part).glob("*.py")]
    found = {ORPHANS, OPEN_TO_OTHERS, "public_url_wrong", "allowed_origins_wrong", "no_data", "no_database"}
    found |= {"graphql_missing", "grpc_missing"}  # as a server that starts says it
    for path in sources:
        found.update(re.findall(r'\b(?:error|warning|note)\(\s*"([a-z_]+)"', path.read_text("utf-8")))
    docs = (ROOT / "docs" / "operations.md").read_text("utf-8").partition("| code | severity |")[2].partition("\n\n")[0]
    first_cells = "".join(line.split("|")[1] for line in docs.splitlines()[2:])
    assert set(re.findall(r"`([a-z_]+)`", first_cells)) == found


def test_the_worst_finding_is_the_exit_status() -> None:
    of = {severity: CareFinding(code="x", severity=severity, text="", advice="") for severity in Gravity}
    assert exit_status([]) == exit_status([of[Gravity.NOTE]]) == 0
    assert exit_status([of[Gravity.NOTE], of[Gravity.WARNING]]) == 1
    assert exit_status([of[Gravity.WARNING], of[Gravity.ERROR]]) == 2


def test_jobs_of_a_kind_that_nobody_runs_are_a_warning() -> None:
    [found] = check_kinds_run({"batch_report": 2})
    assert (found.code, found.severity, found.detail) == (
        "no_worker",
        Gravity.WARNING,
        {"kind": "batch_report", "count": 2},
    )
    assert "batch_report" in found.text
