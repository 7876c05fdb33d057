"""What signed addresses are for; that a store takes them is shown in tests/functional/test_s3_store.py."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from server.engines.s3_signing import SignedAddresses

ADDRESSES = SignedAddresses(
    address="https://s3.example.com/store/",
    bucket="reports",
    prefix="jindu",
    region="eu-central-1",
    key_id="AKIDEXAMPLE",
    secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    clock=lambda: datetime(2013, 5, 24, tzinfo=UTC),
)
SAID = {"Content-Disposition": "attachment; filename=\"a b.pdf\"; filename*=UTF-8''%E5%8D%8E.pdf"}


def test_an_address_is_for_one_object_for_a_minute() -> None:
    parts = urlsplit(ADDRESSES.of("blobs/reports/1/a.pdf", said=SAID))
    assert (parts.netloc, parts.path) == ("s3.example.com", "/store/reports/jindu/blobs/reports/1/a.pdf")
    told = {name: value for name, (value,) in parse_qs(parts.query, strict_parsing=True).items()}
    assert told.pop("X-Amz-Signature").isalnum()
    assert told == {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": "AKIDEXAMPLE/20130524/eu-central-1/s3/aws4_request",
        "X-Amz-Date": "20130524T000000Z",
        "X-Amz-Expires": "60",
        "X-Amz-SignedHeaders": "host",
        "response-content-disposition": SAID["Content-Disposition"],
    }


def test_another_object_or_key_has_another_signature() -> None:
    others = (ADDRESSES, dataclasses.replace(ADDRESSES, secret="another"))
    signatures = {each.of(place, said={})[-64:] for each in others for place in ("a", "b")}
    assert len(signatures) == 4
