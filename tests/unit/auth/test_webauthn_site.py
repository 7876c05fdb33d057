"""Where passkeys are possible, and which answers of devices are taken."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from server.auth.passkeys import NewPasskey, Passkey
from server.auth.permissions import Role
from server.auth.users import User
from server.auth.webauthn_site import NoPasskeys, NotVerified, WebauthnSite, site_of
from server.clock import utc_now
from tests.soft_passkey import PRESENT, VERIFIED, SoftPasskey

SITE = WebauthnSite(origin="https://reports.example.com", host="reports.example.com")
ALICE = User(id="01", name="Alice", role=Role.EDITOR, password_hash="", created_at=utc_now())
CHALLENGE = b"c" * 32


def device(**claims: Any) -> SoftPasskey:
    return SoftPasskey(**{"origin": SITE.origin, "host": SITE.host, **claims})


def kept(new: NewPasskey) -> Passkey:
    return Passkey(
        id="1",
        user_id=ALICE.id,
        name="phone",
        created_at=utc_now(),
        last_used_at=None,
        credential_id=new.credential_id,
        public_key=new.public_key,
        sign_count=new.sign_count,
        is_synced=new.is_synced,
    )


@pytest.mark.parametrize(
    ("public_url", "site"),
    [
        ("", NoPasskeys.NO_ADDRESS),
        ("https://192.0.2.1", NoPasskeys.NUMBERS),
        ("https://[2001:db8::1]:8443", NoPasskeys.NUMBERS),
        ("http://reports.example.com", NoPasskeys.NOT_SECURE),
        ("http://localhost:8000", WebauthnSite(origin="http://localhost:8000", host="localhost")),
        ("https://Reports.example.com/jindu/", SITE),
    ],
)
def test_passkeys_belong_to_the_configured_name(public_url: str, site: WebauthnSite | NoPasskeys) -> None:
    assert site_of(public_url) == site


def test_an_honest_device_is_taken_and_goes_on_counting() -> None:
    phone = device()
    options = SITE.to_make(ALICE, CHALLENGE, [])
    assert options["rp"]["id"] == SITE.host
    assert options["authenticatorSelection"]["userVerification"] == "required"
    new = SITE.made(phone.made(options), CHALLENGE)
    assert SITE.used(phone.used(SITE.to_use(CHALLENGE)), CHALLENGE, kept(new)) == 1
    known = SITE.to_make(ALICE, CHALLENGE, [kept(new)])["excludeCredentials"]
    assert [each["id"] for each in known] == [new.credential_id]


@pytest.mark.parametrize(
    "claims",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://reports.example.com"},
        {"host": "example.com"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"id": b"x" * 1_024},
    ],
)
def test_what_is_not_for_this_site_or_not_by_its_owner_is_not_taken(claims: dict[str, Any]) -> None:
    odd = device(**claims)
    with pytest.raises(NotVerified):
        SITE.made(odd.made(SITE.to_make(ALICE, CHALLENGE, [])), CHALLENGE)
    if "id" in claims:
        return
    honest = device(id=odd.id, key=odd.key)
    passkey = kept(SITE.made(honest.made(SITE.to_make(ALICE, CHALLENGE, [])), CHALLENGE))
    with pytest.raises(NotVerified):
        SITE.used(odd.used(SITE.to_use(CHALLENGE)), CHALLENGE, passkey)


def test_another_question_another_key_and_a_copy_are_not_taken() -> None:
    phone = device(signed=5)
    passkey = kept(SITE.made(phone.made(SITE.to_make(ALICE, CHALLENGE, [])), CHALLENGE))
    answer = phone.used(SITE.to_use(b"d" * 32))
    other = device(id=phone.id).used(SITE.to_use(CHALLENGE))
    copied = device(id=phone.id, key=phone.key, signed=2).used(SITE.to_use(CHALLENGE))
    for wrong in (answer, other, copied):
        with pytest.raises(NotVerified):
            SITE.used(wrong, CHALLENGE, passkey)


def odd_answers(honest: dict[str, Any]) -> list[dict[str, Any]]:
    """With each value missing, of another type, or full of something else."""
    answers: list[dict[str, Any]] = [{}, {"id": None}]
    for path in [("id",), ("rawId",), ("type",), ("response",), *(("response", name) for name in honest["response"])]:
        for value in (None, 1, [], {}, "", "x", "ä", "A" * 5_000, "_" * 400, "\ud800", "gICA" * 500, "oWF4" * 500):
            changed = copy.deepcopy(honest)
            target = changed if len(path) == 1 else changed["response"]
            target[path[-1]] = value
            answers.append(changed)
    return answers


def test_nonsense_is_not_verified_and_nothing_else() -> None:
    phone = device()
    made = phone.made(SITE.to_make(ALICE, CHALLENGE, []))
    passkey = kept(SITE.made(made, CHALLENGE))
    for answer in odd_answers(made):
        try:
            SITE.made(answer, CHALLENGE)
        except NotVerified:
            continue
        assert answer["response"] == made["response"] or answer["id"] == answer["rawId"]
    used = phone.used(SITE.to_use(CHALLENGE))
    refused = 0
    for answer in odd_answers(used):
        try:
            SITE.used(answer, CHALLENGE, passkey)
        except NotVerified:
            refused += 1
    assert refused > 60
