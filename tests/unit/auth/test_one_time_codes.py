"""Codes of authenticator apps, by the numbers of RFC 6238."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from server.auth.one_time_codes import address_of, code_at, new_key, step_of, typed_key

RFC_KEY = b"12345678901234567890"


@pytest.mark.parametrize(("moment", "code"), [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")])
def test_codes_are_those_of_the_rfc(moment: int, code: str) -> None:
    assert code_at(RFC_KEY, moment // 30) == code.encode()
    assert step_of(RFC_KEY, code, now=moment) == moment // 30


def test_a_clock_may_be_one_step_early_or_late() -> None:
    code = code_at(RFC_KEY, 100).decode()
    found = [step_of(RFC_KEY, code, now=step * 30 + 15) for step in (98, 99, 100, 101, 102)]
    assert found == [None, 100, 100, 100, None]


@pytest.mark.parametrize("code", ["", "28708", "2870820", "二八七零八二", "\ud800", "28708２"])
def test_what_is_no_code_is_wrong(code: str) -> None:
    assert step_of(RFC_KEY, code, now=59) is None


def test_an_app_reads_name_issuer_and_key() -> None:
    key = new_key()
    found = urlsplit(address_of(key, user_name="李 a:b&c", issuer="Jindu"))
    assert (found.scheme, found.netloc) == ("otpauth", "totp")
    assert found.path == "/Jindu:%E6%9D%8E%20a%3Ab%26c"
    assert parse_qs(found.query) == {"secret": [typed_key(key)], "issuer": ["Jindu"]}
    assert len({new_key() for _ in range(10)}) == 10
