"""What the commands print and leave as exit status."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.care.findings import CareFinding, Gravity
from server.cli.findings import tell_findings
from server.settings import described
from server.storage.one_server import RESTORING, begin_moving
from server.storage.tables import metadata
from tests import postgresql, seaweed
from tests.unit.care.conftest import Run
from tests.unit.care.made_up_data import KEY, MadeUpData


def test_a_backup_is_made_looked_at_proven_and_restored(run: Run, data: MadeUpData, tmp_path: Path) -> None:
    status, out, progress = run("backup", tmp_path / "a.zip", "--data", data.path)
    assert status == 0, progress
    assert (
        f"a.zip was made and read again: {2 * len(metadata.tables)} rows in {len(metadata.tables)} tables, 6 files"
        in out
    )
    assert "the secret key is inside" in out
    assert "reading the database (schema " in progress
    for flags, told in ((("--verify",), "is whole"), (("--prove", "--scratch", tmp_path), "was restored on trial")):
        status, out, _ = run("restore", tmp_path / "a.zip", *flags)
        assert (status, told in out) == (0, True)
    status, out, _ = run("restore", tmp_path / "a.zip", "--data", data.path, "--replace")
    assert status == 0
    assert "What was there before lies in" in out
    assert KEY.decode() not in out


def test_half_a_restore_is_nothing_to_work_on(run: Run, data: MadeUpData, tmp_path: Path) -> None:
    cut_short(data)
    for command in (("backup", tmp_path / "a.zip"), ("prune", "--dry-run")):
        status, _, complaint = run(*command, "--data", data.path)
        assert status == 2
        assert "was cut short" in complaint


@pytest.mark.parametrize("command", [("backup", "/proc/x.zip"), ("restore", "a.zip", "--replace", "--data", "/proc/x")])
def test_where_nothing_can_be_written_it_is_said(
    run: Run, data: MadeUpData, archive: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "a.zip").symlink_to(archive)
    more = () if "--data" in command else ("--data", data.path)
    status, out, complaint = run(*command, *more, "--json")
    assert status == 2
    assert json.loads(out)["error"]["message"] in complaint


def test_files_that_are_missing_are_status_1(run: Run, data: MadeUpData, tmp_path: Path) -> None:
    next(data.path.rglob("r.pdf")).unlink()
    status, out, complaint = run("backup", tmp_path / "a.zip", "--data", data.path, "--json")
    assert status == 1
    assert json.loads(out)["missing"] == ["blobs/reports/0/r.pdf"]
    assert "blobs/reports/0/r.pdf; run doctor" in complaint


@pytest.mark.parametrize("place", ["storage", "s3", "data"])
def test_files_are_copied_once_it_is_said_where_the_store_is(run: Run, data: MadeUpData, place: str) -> None:
    status, _, complaint = run("files", "copy", "--to", place, "--data", data.path)
    assert status == 2
    assert "JINDU_STORAGE_URL" in complaint


def test_a_key_from_the_settings_stays_with_them(
    run: Run, data: MadeUpData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JINDU_SECRET_KEY", KEY.decode())
    _, out, _ = run("backup", tmp_path / "a.zip", "--data", data.path, "--json")
    assert json.loads(out)["key_inside"] is False
    monkeypatch.delenv("JINDU_SECRET_KEY")
    status, out, _ = run("restore", tmp_path / "a.zip", "--data", tmp_path / "new", "--json")
    assert status == 2
    assert json.loads(out)["error"]["code"] == "key_missing"
    (tmp_path / "key").write_bytes(KEY)
    monkeypatch.setenv("JINDU_SECRET_KEY_FILE", str(tmp_path / "key"))
    assert run("restore", tmp_path / "a.zip", "--data", tmp_path / "new")[0] == 0


def test_doctor_says_what_to_do_and_mends_what_is_asked(run: Run, data: MadeUpData) -> None:
    next(data.path.rglob("r.pdf")).unlink()
    (data.path / "secret.key").chmod(0o644)
    status, out, _ = run("doctor", "--data", data.path)
    assert status == 2
    lines = out.splitlines()
    assert lines[0].startswith("error    files_missing: 1 files")
    assert lines[1].startswith("         → Take them from a backup")
    assert any(line.startswith("warning  open_to_others") for line in lines)
    assert lines[-1].startswith("errors: 1 errors")
    assert run("doctor", "--data", data.path, "--repair", "open_to_others")[:2] == (0, "open_to_others: 1 mended\n")
    _, out, _ = run("doctor", "--data", data.path, "--json")
    (finding,) = [each for each in json.loads(out)["findings"] if each["severity"] == "error"]
    assert finding["code"] == "files_missing"
    assert finding["detail"] == {"count": 1, "places": ["blobs/reports/0/r.pdf"]}
    status, out, _ = run("doctor", "--data", data.path, "--repair", "everything", "--json")
    assert status == 2
    assert json.loads(out)["error"]["code"] == "no_such_repair"


def test_tables_that_a_start_would_not_change_are_an_error(
    run: Run, data: MadeUpData, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.execute("UPDATE alembic_version SET version_num='0001'")
    assert run("doctor", "--data", data.path)[0] == 1
    monkeypatch.setenv("JINDU_UPGRADE_AT_START", "false")
    status, out, _ = run("doctor", "--data", data.path)
    assert status == 2
    assert out.splitlines()[0].startswith("error    schema_old")
    assert out.splitlines()[1].startswith("         → Run jindu db upgrade")


def cut_short(data: MadeUpData) -> None:
    (data.path / RESTORING).mkdir()
    begin_moving(data.path)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda data: (data.path / "jindu.db").unlink(), "no_database"),
        (lambda data: (data.path / "jindu.db").write_bytes(b"no database" * 1000), "database_unreadable"),
        (lambda data: data.path.rename(data.path.with_name("moved")), "no_data"),
        (cut_short, "restore_unfinished"),
    ],
    ids=["no database", "no SQLite", "no directory", "half a restore"],
)
def test_doctor_goes_on_whatever_it_meets(run: Run, data: MadeUpData, make: Callable[..., Any], code: str) -> None:
    make(data)
    before = {path.name for path in data.path.glob("*")}
    status, out, _ = run("doctor", "--data", data.path, "--json")
    assert status == 2
    assert code in [each["code"] for each in json.loads(out)["findings"]]
    assert {path.name for path in data.path.glob("*")} == before


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (lambda: str(postgresql.running().get_uri(database="nowhere")), 'database "nowhere" does not exist'),
        (lambda: "postgresql://me:hidden@127.0.0.1:9/jindu", "Connection refused"),
    ],
    ids=["no such database", "nobody listens"],
)
def test_a_database_that_does_not_answer_is_found_and_nothing_to_be_restored(
    run: Run, data: MadeUpData, monkeypatch: pytest.MonkeyPatch, address: Callable[[], str], said: str
) -> None:
    monkeypatch.setenv("JINDU_DATABASE_URL", address())
    for command in (("config", "check"), ("doctor",)):
        status, out, _ = run(*command, "--data", data.path, "--json")
        (found,) = [each for each in json.loads(out)["findings"] if each["severity"] == "error"]
        assert (status, found["code"]) == (2, "database_unreadable")
        assert said in found["text"]
        assert all(word in found["advice"] for word in ("host, port", "password"))
        assert not any(word in out for word in ("hidden", "restore", "psycopg"))


def test_settings_are_shown_with_where_they_come_from_and_no_secret(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jindu.toml").write_text("port = 9000\nworkers = 3\n")
    (tmp_path / "password").write_text("correct-horse")
    monkeypatch.setenv("JINDU_PORT", "9100")
    monkeypatch.setenv("JINDU_ADMIN_PASSWORD_FILE", str(tmp_path / "password"))
    monkeypatch.setenv("JINDU_DATABASE_URL", "postgresql://me:hidden@db/jindu")
    status, out, _ = run("config", "show", "--data", "here")
    assert status == 0
    shown = dict(line.split(" = ", 1) for line in out.splitlines())
    assert shown.keys() == {setting.name for setting in described()}
    told = {name: shown[name].split("    # ") for name in shown}
    assert told["port"] == ["9100", "JINDU_PORT"]
    assert told["workers"] == ["3", "jindu.toml"]
    assert told["data"] == ["here", "command line"]
    assert told["host"] == ["127.0.0.1", "default"]
    assert told["admin_password"] == ["(set, not shown)", "JINDU_ADMIN_PASSWORD_FILE"]
    _, as_json, _ = run("config", "show", "--json")
    assert "correct-horse" not in out + as_json
    assert "hidden" not in out + as_json
    assert {"name": "port", "value": 9100, "source": "JINDU_PORT"} in map(json.loads, as_json.splitlines())
    monkeypatch.setenv("JINDU_BACKUP_TO", str(tmp_path / "nowhere"))  # refused by `config check`, and still to be seen
    status, out, _ = run("config", "show")
    assert status == 0
    assert f"backup_to = {tmp_path / 'nowhere'}    # JINDU_BACKUP_TO" in out
    assert run("config", "check")[0] == 2


@pytest.mark.parametrize(
    ("name", "value", "status", "code"),
    [
        ("JINDU_PORT", "nonsense", 2, "configuration_wrong"),
        ("JINDU_NO_SUCH", "1", 2, "configuration_wrong"),
        ("JINDU_DATABASE_URL", "mysql://x/y", 2, "database_url_wrong"),
        ("JINDU_PUBLIC_URL", "https://reports.example.com", 1, "proxy_not_trusted"),
        ("JINDU_PORT", "8123", 0, None),
    ],
)
def test_a_configuration_is_checked_before_anything_starts(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str, status: int, code: str | None
) -> None:
    monkeypatch.setenv(name, value)
    found, out, _ = run("config", "check", "--json")
    assert found == status
    assert [each["code"] for each in json.loads(out)["findings"]] == ([code] if code else [])


@pytest.mark.parametrize(
    ("change", "secret", "said"),
    [
        (("s3://", "s3://nowhere-"), seaweed.SECRET, "NoSuchBucket"),
        (("s3://", "s3://"), "wrong", "SignatureDoesNotMatch"),
        (("s3://", "s3://"), seaweed.SECRET, ""),
    ],
)
def test_a_store_is_tried_out_and_says_itself_what_is_wrong(
    run: Run, monkeypatch: pytest.MonkeyPatch, change: tuple[str, str], secret: str, said: str
) -> None:
    monkeypatch.setenv("JINDU_STORAGE_URL", seaweed.new_place().replace(*change))
    monkeypatch.setenv("JINDU_STORAGE_KEY_ID", seaweed.KEY_ID)
    monkeypatch.setenv("JINDU_STORAGE_SECRET", secret)
    status, out, _ = run("config", "check", "--json")
    findings = json.loads(out)["findings"]
    assert [each["code"] for each in findings] == (["storage_away"] if said else []), findings
    assert not said or said in findings[0]["text"]
    assert status == (2 if said else 0)


def test_what_would_go_is_counted_and_what_goes_is_gone(run: Run, data: MadeUpData) -> None:
    data.execute("UPDATE uploads SET name = 'sales.csv'")  # no template names it
    status, out, _ = run("prune", "--dry-run", "--data", data.path, "--json")
    assert status == 0
    would_go = {kind["kind"]: kind["count"] for kind in json.loads(out)["kinds"]}
    assert would_go["uploads"] == 1
    status, out, _ = run("prune", "--data", data.path, "--json")
    assert status == 0
    assert {kind["kind"]: kind["count"] for kind in json.loads(out)["kinds"]}["uploads"] == 1
    assert not (data.path / "uploads" / ("0" * 26)).exists()
    assert len(data.rows()["uploads"]) == 1  # the one that is still coming
    assert "would go" in run("prune", "--dry-run", "--data", data.path)[1]


def test_findings_are_told_the_worst_first(capsys: pytest.CaptureFixture[str]) -> None:
    found = [CareFinding(code=each, severity=each, text="t", advice="a") for each in reversed(Gravity)]
    tell_findings(found, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert [each["code"] for each in told["findings"]] == ["error", "warning", "note"]
    assert told["outcome"] == "errors"
