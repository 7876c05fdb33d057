"""Names of report files are safe everywhere and tell each other apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.http.files import content_disposition
from server.reports.file_names import served_name, unique_names
from tests.unit.reports.orders import render


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("North · October 2026 sales", "North · October 2026 sales.pdf"),
        ("华东 East", "华东 East.pdf"),
        ("Nord/Süd: Q1\\Q2", "Nord-Süd- Q1-Q2.pdf"),
        ("../../etc/passwd", "etc-passwd.pdf"),
        ("tab\tand\nline", "tab-and-line.pdf"),
        ("…", "….pdf"),
        ("", "report.pdf"),
        ("...", "report.pdf"),
        ("CON", "report CON.pdf"),
        ("nul.txt", "report nul.txt.pdf"),
        ("left\u202egnp.exe", "left-gnp.exe.pdf"),
        ("\ud800broken", "broken.pdf"),
        ("a\u2066b\u2069", "a-b.pdf"),
        ("\ufeffNo\u00adrth\u200b", "North.pdf"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧.pdf"),
        ("COM¹", "report COM¹.pdf"),
        ("con .txt", "report con .txt.pdf"),
        ("-rf", "rf.pdf"),
    ],
)
def test_titles_become_names(title: str, name: str) -> None:
    assert served_name(title, "pdf") == name


def test_long_titles_fit_a_file_system() -> None:
    name = served_name("长" * 300, "xlsx")
    assert name.endswith(".xlsx")
    assert len(name.encode()) < 200
    name.encode().decode()


def test_duplicates_are_numbered_in_order() -> None:
    names = ["a.pdf", "A.pdf", "b.pdf", "a.pdf", "a (2).pdf"]
    assert list(unique_names(names)) == ["a.pdf", "A (2).pdf", "b.pdf", "a (3).pdf", "a (2) (2).pdf"]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.pdf", "inline; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"),
        ("华东.pdf", "inline; filename=\"file.pdf\"; filename*=UTF-8''%E5%8D%8E%E4%B8%9C.pdf"),
        ('a"b\r\nX: y.pdf', "inline; filename=\"abX: y.pdf\"; filename*=UTF-8''a%22b%0D%0AX%3A%20y.pdf"),
        ("Café.pdf", "inline; filename=\"Cafe.pdf\"; filename*=UTF-8''Caf%C3%A9.pdf"),
    ],
)
def test_headers_name_files_for_old_and_new_clients(name: str, header: str) -> None:
    assert content_disposition("inline", name) == header


@pytest.mark.parametrize(
    ("pattern", "file"),
    [
        ("{{ month }}-{{ region }}", "2026-10-01-华南.html"),
        ("{{ region }} / 10.HTML", "华南 - 10.html"),
        ("{{ region if false else '' }}", "Sales of 华南.html"),
    ],
)
def test_a_template_may_name_its_files(orders: Path, tmp_path: Path, pattern: str, file: str) -> None:
    source = f"""\
title: "Sales of {{{{ region }}}}"
file_name: "{pattern}"
parameters: {{region: {{type: text}}, month: {{type: month, default: last_month}}}}
blocks: [{{text: x}}]
"""
    assert render(source, orders, tmp_path, {"region": "华南"}).artifacts[0].file == file
