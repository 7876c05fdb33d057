"""Close codes say whether to come back, in words that fit into a frame."""

from __future__ import annotations

import pytest

from server.realtime.close_codes import CloseCode, fitted


@pytest.mark.parametrize("code", CloseCode)
def test_each_has_a_reason_that_fits(code: CloseCode) -> None:
    assert fitted(code.reason) == code.reason != ""


def test_clients_come_back_below_4500_and_not_from_there_on() -> None:
    assert [code for code in CloseCode if 4000 <= code < 4500 and not code.may_reconnect] == []
    assert [code for code in CloseCode if code >= 4500 and code.may_reconnect] == []


def test_a_long_reason_is_cut_between_characters() -> None:
    cut = fitted("连" * 60)
    assert cut == "连" * 41
    assert len(cut.encode()) <= 123
