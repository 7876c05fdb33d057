"""Scripts are taken apart once; what cannot be kept or read is taken apart again."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.http import kept_scripts as module
from server.http.kept_scripts import kept_scripts
from server.http.static_scripts import CannotBeLinked, Script, script

FILES = {
    "js/a.js": b'import { b } from "./b.js";\nexport const a = b + 1;\n',
    "js/b.js": b"export const b = 1; // one\n",
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of those that were taken apart."""
    paths: list[str] = []

    def counted(path: str, source: bytes) -> Script:
        paths.append(path)
        return script(path, source)

    monkeypatch.setattr(module, "script", counted)
    return paths


def taken_apart(directory: Path | None, files: dict[str, bytes]) -> list[Script]:
    with kept_scripts(directory) as parse:
        return [parse(path, source) for path, source in files.items()]


def test_each_is_taken_apart_once_and_again_when_it_changed_or_moved(tmp_path: Path, asked: list[str]) -> None:
    first = taken_apart(tmp_path / "kept", FILES)
    assert taken_apart(tmp_path / "kept", FILES) == first
    assert first[0].imports == [("js/b.js", [("b", "b")])]
    assert asked == ["js/a.js", "js/b.js"]
    changed = {"js/a.js": FILES["js/a.js"], "js/deep/a.js": FILES["js/a.js"], "js/b.js": b"export const b = 2;\n"}
    found = taken_apart(tmp_path / "kept", changed)
    assert asked[2:] == ["js/deep/a.js", "js/b.js"]
    assert [each.imports[0][0] for each in found[:2]] == ["js/b.js", "js/deep/b.js"]


def test_what_is_no_such_file_or_cannot_be_written_costs_time_alone(tmp_path: Path, asked: list[str]) -> None:
    right = taken_apart(None, FILES)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "scripts.msgpack").write_bytes(b"\xc1 of another version")
    (tmp_path / "file").write_bytes(b"")
    for directory in (tmp_path / "kept", tmp_path / "file" / "below", tmp_path / "file" / "below"):
        asked.clear()
        assert taken_apart(directory, FILES) == right
        assert asked == list(FILES)


def test_a_script_that_cannot_be_linked_is_never_kept(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(CannotBeLinked):
            taken_apart(tmp_path, {"js/odd.js": b"export default 1;\n"})
    assert not list(tmp_path.iterdir())
