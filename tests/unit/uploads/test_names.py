"""File names are data: shown as they came, harmless wherever they are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.uploads.names import form_name, media_type_of, saved_name, shown_name


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("sales.xlsx", "sales.xlsx"),
        ("二〇二六年 销售.csv", "二〇二六年 销售.csv"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("a\x00b\r\nX-Evil: 1.csv", "abX-Evil: 1.csv"),
        ("invoice\u202excod.exe", "invoicexcod.exe"),
        ("\u2066a\u2069.csv", "a.csv"),
        ("  padded.csv \t", "padded.csv"),
        ("", "unnamed"),
        ("\x00\x1f", "unnamed"),
        ("👩‍👩‍👧.csv", "👩‍👩‍👧.csv"),
        ("caf\udcc3\udca9.csv", "café.csv"),
        ("lone\ud800.csv", "lone.csv"),
    ],
)
def test_a_name_is_shown_without_what_would_mislead(given_name: str, shown: str) -> None:
    assert shown_name(given_name) == shown


def test_a_long_name_is_cut_but_keeps_its_ending() -> None:
    shown = shown_name("x" * 5_000 + ".xlsx")
    assert len(shown) == 300
    assert "…" in shown
    assert shown.endswith("x….xlsx")


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\fakepath\\sales.csv", "sales.csv"),
        ("..", "unnamed"),
        ("a/", "unnamed"),
        (".bashrc", "bashrc"),
    ],
)
def test_a_download_is_saved_under_the_last_part_only(name: str, saved: str) -> None:
    assert saved_name(name) == saved


@pytest.mark.parametrize(
    ("carried", "name"),
    [
        ("sales.csv", "sales.csv"),
        ("报告 (1).csv", "报告 (1).csv"),
        ("a %22quoted%22 name.csv", 'a "quoted" name.csv'),
        ("..%2F%E6%8A%A5%E5%91%8A.html", "../报告.html"),
        ("100%25 sure.csv", "100%25 sure.csv"),
        ("%FF.csv", "%FF.csv"),
    ],
)
def test_a_name_in_a_form_is_unescaped_as_far_as_its_client_escaped_it(carried: str, name: str) -> None:
    assert form_name(carried) == name


@pytest.mark.parametrize(
    ("given_type", "kept"),
    [
        ("text/csv; charset=utf-8", "text/csv; charset=utf-8"),
        ("x/" + "y" * 500, "x/" + "y" * 118),
        ("text/\udcff", ""),
        ("文本", ""),
        ("a\r\nb", ""),
    ],
)
def test_a_media_type_is_ascii(given_type: str, kept: str) -> None:
    assert media_type_of(given_type) == kept


@given(st.text())
def test_any_name_can_be_shown_and_stored(name: str) -> None:
    shown = shown_name(name)
    assert 0 < len(shown) <= 300
    shown.encode("utf-8")
    assert shown_name(shown) == shown
