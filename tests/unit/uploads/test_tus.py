"""tus headers are read strictly and written back as they came."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Forbidden, MalformedRequest, PreconditionFailed, TooLarge, UnsupportedMedia
from server.uploads import tus

PATCH = {"Content-Type": tus.BODY_TYPE, "Upload-Offset": "5"}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_another_tus_version_is_refused_with_ours() -> None:
    with pytest.raises(PreconditionFailed, match=r"1\.0\.0") as caught:
        tus.require_version({"Tus-Resumable": "0.2.2"})
    assert caught.value.specific_code == "unsupported_tus_version"


def test_a_missing_tus_version_is_refused() -> None:
    with pytest.raises(PreconditionFailed):
        tus.require_version({})


def test_a_creation_has_a_size_and_a_name() -> None:
    headers = {"Upload-Length": "12", "Upload-Metadata": f"filename {encoded('订单.csv')},draft"}
    creation = tus.parse_creation(headers, max_bytes=100)
    assert creation == tus.Creation(
        size=12, metadata={"filename": "订单.csv", "draft": ""}, has_body=False, checksum=None
    )


def test_a_creation_may_bring_its_first_bytes() -> None:
    assert tus.parse_creation({"Upload-Length": "12", "Content-Type": tus.BODY_TYPE}, max_bytes=100).has_body


def test_a_file_larger_than_allowed_is_refused_at_creation() -> None:
    with pytest.raises(TooLarge, match="100"):
        tus.parse_creation({"Upload-Length": "101"}, max_bytes=100)


def test_a_length_may_be_said_later() -> None:
    assert tus.parse_creation({"Upload-Defer-Length": "1"}, max_bytes=100).size is None
    assert tus.parse_patch({**PATCH, "Upload-Length": "7"}).size == 7
    assert tus.state_headers(offset=3, size=None, expires_at=None)["Upload-Defer-Length"] == "1"


@pytest.mark.parametrize("value", ["", "0", "2", "true", "01", "1 ", "9" * 5_000])
def test_a_length_is_deferred_by_a_one_only(value: str) -> None:
    with pytest.raises(MalformedRequest, match="Upload-Defer-Length"):
        tus.parse_creation({"Upload-Defer-Length": value}, max_bytes=100)


def test_a_length_is_said_or_deferred_but_not_both() -> None:
    with pytest.raises(MalformedRequest):
        tus.parse_creation({"Upload-Defer-Length": "1", "Upload-Length": "5"}, max_bytes=100)


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (None, ()),
        ("partial", ()),
        ("final;/api/v1/uploads/aa /api/v1/uploads/bb", ("aa", "bb")),
        ("final; https://here.example:8443/jindu/api/v1/uploads/aa", ("aa",)),
        ("final;uploads/aa", ("aa",)),
    ],
)
def test_parts_are_named_by_their_addresses(value: str | None, ids: tuple[str, ...]) -> None:
    assert tus.parse_concat(value) == ids


@pytest.mark.parametrize(
    "value",
    [
        "", "final", "final;", "final; ", "FINAL;/api/v1/uploads/aa", "partial;/api/v1/uploads/aa",
        "final;/api/v1/uploads/aa /api/v1/uploads/aa", "final;/api/v1/uploads/", "final;/api/v1/uploads/aa/content",
        "final;/api/v1/uploads/aa?x=1", "final;/api/v1/uploads/../aa", "final;aa", "final;/api/v1/uploads/aa,bb",
        "final;http://h\udcff/uploads/aa", "final;http://é/uploads/aa",
    ],
)  # fmt: skip
def test_what_names_no_parts_is_refused(value: str) -> None:
    with pytest.raises(MalformedRequest, match="Upload-Concat"):
        tus.parse_concat(value)


def test_a_joined_file_brings_no_bytes_and_no_length() -> None:
    joined = {"Upload-Concat": "final;/api/v1/uploads/aa"}
    assert tus.parse_creation(joined, max_bytes=100).parts == ("aa",)
    with pytest.raises(Forbidden):
        tus.parse_creation({**joined, "Content-Type": tus.BODY_TYPE}, max_bytes=100)
    with pytest.raises(MalformedRequest):
        tus.parse_creation({**joined, "Upload-Length": "5"}, max_bytes=100)


def test_a_checksum_that_comes_after_the_bytes_is_refused() -> None:
    with pytest.raises(MalformedRequest, match="before the bytes"):
        tus.parse_patch({**PATCH, "Trailer": "Upload-Checksum"})


@pytest.mark.parametrize("value", ["", "-1", "+1", "1_0", "1.5", "0x10", " 1", "１", "9" * 20, str(2**63)])
def test_only_plain_whole_numbers_are_lengths(value: str) -> None:
    with pytest.raises(MalformedRequest, match="Upload-Length"):
        tus.parse_creation({"Upload-Length": value}, max_bytes=100)


def test_a_patch_says_where_its_bytes_belong() -> None:
    assert tus.parse_patch(PATCH) == tus.Patch(offset=5, checksum=None)


def test_a_patch_of_another_type_is_refused() -> None:
    with pytest.raises(UnsupportedMedia, match=r"application/offset\+octet-stream"):
        tus.parse_patch({**PATCH, "Content-Type": "text/csv"})


@pytest.mark.parametrize("algorithm", tus.CHECKSUM_ALGORITHMS)
def test_a_checksum_matches_its_bytes_only(algorithm: str) -> None:
    digest = base64.b64encode(hashlib.new(algorithm, b"hello").digest()).decode()
    checksum = tus.parse_checksum({"Upload-Checksum": f"{algorithm} {digest}"})
    assert checksum is not None
    right, wrong = checksum.new_hash(), checksum.new_hash()
    right.update(b"hello")
    wrong.update(b"hullo")
    assert checksum.matches(right)
    assert not checksum.matches(wrong)


@pytest.mark.parametrize("value", ["md5 1B2M2Y8AsgTpgAmY7PhCfg==", "sha1", "sha1 ???", "sha1 aGVsbG8=", "sha256 é"])
def test_a_checksum_that_cannot_be_checked_is_refused(value: str) -> None:
    with pytest.raises(MalformedRequest):
        tus.parse_checksum({"Upload-Checksum": value})


@pytest.mark.parametrize("value", ["a YQ==,a YQ==", ",", " ,a YQ==", "ключ YQ==", "a not-base64!", "a /w=="])
def test_wrong_metadata_is_refused(value: str) -> None:
    with pytest.raises(MalformedRequest):
        tus.parse_metadata(value)


KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","), min_size=1, max_size=20)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@given(st.dictionaries(KEYS, TEXTS, max_size=5))
def test_metadata_survives_a_round_trip(metadata: dict[str, str]) -> None:
    assert tus.parse_metadata(tus.write_metadata(metadata)) == metadata


def test_expiry_is_written_as_an_http_date() -> None:
    moment = datetime(2026, 11, 23, 8, 15, 30, tzinfo=UTC)
    headers = tus.state_headers(offset=3, size=10, expires_at=moment)
    assert headers == {
        "Upload-Offset": "3",
        "Upload-Length": "10",
        "Upload-Expires": "Mon, 23 Nov 2026 08:15:30 GMT",
    }
