"""Templates are compiled once for all starts; where nothing can be kept they are compiled anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import jinja2
import pytest

from views.kept_templates import kept_templates


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "page.html").write_text("Hello {{ name }}", "utf-8")
    return tmp_path


def shown(folder: Path, directory: Path | None) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, bytecode_cache=kept_templates(directory)
    )
    return environment.get_template("page.html").render(name="Ann")


def test_one_is_compiled_once_and_again_when_it_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    original = jinja2.Environment.compile

    def counted(self: jinja2.Environment, source: str, *arguments: object) -> object:
        compiled.append(source)
        return original(self, source, *arguments)

    monkeypatch.setattr(jinja2.Environment, "compile", counted)
    kept = folder / "new" / "kept"
    assert [shown(folder, kept), shown(folder, kept)] == ["Hello Ann"] * 2
    assert len(compiled) == 1
    (folder / "page.html").write_text("Bye {{ name }}", "utf-8")
    assert [shown(folder, kept), shown(folder, kept)] == ["Bye Ann"] * 2
    assert len(compiled) == 2


def test_one_that_was_cut_anywhere_is_compiled_anew(folder: Path) -> None:
    kept = folder / "kept"
    assert shown(folder, kept) == "Hello Ann"
    (file,) = kept.iterdir()
    whole = file.read_bytes()
    for length in (*range(100), len(whole) - 1):
        file.write_bytes(whole[:length])
        assert shown(folder, kept) == "Hello Ann"
        assert file.read_bytes() == whole, length


def test_where_nothing_can_be_kept_pages_are_shown_all_the_same(folder: Path) -> None:
    assert shown(folder, None) == "Hello Ann"
    assert shown(folder, folder / "page.html" / "below") == "Hello Ann"
    gone = folder / "gone"
    cache = kept_templates(gone)
    shutil.rmtree(gone)
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folder), autoescape=True, bytecode_cache=cache)
    assert environment.get_template("page.html").render(name="Bob") == "Hello Bob"
