"""Uploads as files of this machine. What every place for them does stands in tests/contract/test_pieces.py."""

from __future__ import annotations

from pathlib import Path

from server.engines.local_uploads import LocalUploads


async def test_an_upload_is_one_file_for_its_owner_alone_under_no_name_of_theirs(tmp_path: Path) -> None:
    uploads = LocalUploads(tmp_path / "uploads")
    await uploads.create("a")
    file = await uploads.open("a", offset=0, writer=1, running_hash=None)
    await file.append(b"0123")
    await file.close()
    (path,) = (tmp_path / "uploads").iterdir()
    assert (path.name, path.read_bytes(), path.stat().st_mode & 0o077) == ("a", b"0123", 0)
