"""Whether the database is what the last process left."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from server.engines import sqlite_continuity
from server.engines.sqlite_continuity import Continuity


@pytest.fixture
def kept(tmp_path: Path) -> Continuity:
    database = tmp_path / "jindu.db"
    database.write_bytes(b"content")
    return Continuity(database, tmp_path / "jindu.db.mark")


def log_of(kept: Continuity) -> Path:
    return kept.database.with_name("jindu.db-wal")


def test_new_directory_has_nothing_to_go_on_from(kept: Continuity) -> None:
    assert kept.is_broken()
    kept.begin()
    kept.end()
    assert not kept.is_broken()


def test_killed_process_loses_nothing(kept: Continuity) -> None:
    kept.begin()
    kept.database.write_bytes(b"more content")
    log_of(kept).touch()
    assert not kept.is_broken()


def test_backup_copied_over_the_file_of_a_killed_process_is_noticed(kept: Continuity, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    shutil.copy2(kept.database, backup)
    kept.begin()
    log_of(kept).touch()
    kept.database.write_bytes(b"more content")
    shutil.copy2(backup, kept.database)
    log_of(kept).unlink()  # as the documentation of backups asks for
    assert kept.is_broken()


def test_power_cut_may_have_lost_the_last_moments(
    kept: Continuity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.begin()
    other = tmp_path / "boot_id"
    other.write_text("another-boot\n")
    monkeypatch.setattr(sqlite_continuity, "_BOOT_ID", other)
    assert kept.is_broken()
    kept.end()
    assert not kept.is_broken()


def test_machine_that_was_stopped_in_order_lost_nothing(
    kept: Continuity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.begin()
    kept.end()
    other = tmp_path / "boot_id"
    other.write_text("another-boot\n")
    monkeypatch.setattr(sqlite_continuity, "_BOOT_ID", other)
    assert not kept.is_broken()


def test_backup_put_in_its_place_is_noticed(kept: Continuity, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    shutil.copy2(kept.database, backup)
    kept.begin()
    kept.database.write_bytes(b"more content")
    kept.end()
    os.replace(backup, kept.database)
    assert kept.is_broken()


def test_backup_copied_over_the_same_file_is_noticed(kept: Continuity, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    shutil.copy2(kept.database, backup)
    kept.begin()
    kept.database.write_bytes(b"more content")
    kept.end()
    shutil.copy2(backup, kept.database)
    assert kept.is_broken()


def test_unreadable_mark_is_no_mark(kept: Continuity) -> None:
    kept.mark.write_bytes(b"{")
    assert kept.is_broken()
