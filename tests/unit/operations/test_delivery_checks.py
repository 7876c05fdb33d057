"""What is wrong with a wish is said field by field, and what is secret in it is sealed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from server.delivery.messages import ChannelTarget
from server.delivery.wishes import DeliveryRights, DeliveryVia, DeliveryWish
from server.errors import InvalidInput
from tests.unit.operations.conftest import House

HOOK = DeliveryWish(via=DeliveryVia.WEBHOOK, url="https://hooks.example.com/secret", secret="shared")


async def test_secrets_are_sealed_and_kept_when_they_are_left_out(house: House) -> None:
    checks = house.todo.deliveries.checks
    (kept,) = checks.kept([HOOK])
    assert (kept.url, kept.secret, kept.host) == ("", "", "hooks.example.com")
    assert "secret" not in kept.sealed
    target = house.parts.auth.seals.open(kept.sealed, ChannelTarget)
    assert target is not None
    assert (target.url, target.secret) == (HOOK.url, "shared")
    (again,) = checks.kept([DeliveryWish(via=DeliveryVia.WEBHOOK, body="New words")], [kept])
    assert (again.sealed, again.host, again.body) == (kept.sealed, kept.host, "New words")
    assert checks.kept([kept]) == [kept]
    assert DeliveryVia.MAIL not in checks.ways()


@pytest.mark.parametrize(
    ("wish", "fields"),
    [
        ({"via": DeliveryVia.MAIL, "to": ["a@example.com"]}, ["deliveries[0].via"]),  # no mail server is named
        ({"via": DeliveryVia.WEBHOOK}, ["deliveries[0].url"]),
        ({"via": DeliveryVia.WEBHOOK, "url": HOOK.url, "to": ["a@example.com"]}, ["deliveries[0].to"]),
        (
            {"via": DeliveryVia.WEBHOOK, "url": HOOK.url, "path": "x", "attach": False},
            ["deliveries[0].attach", "deliveries[0].path"],
        ),
        ({"via": DeliveryVia.SLACK, "url": HOOK.url, "to_column": "mail"}, ["deliveries[0].to"]),
        ({"via": DeliveryVia.WEBHOOK, "url": HOOK.url, "subject": "a\nb"}, ["deliveries[0].subject"]),
        ({"via": DeliveryVia.WEBHOOK, "url": HOOK.url, "body": "{{ x }}"}, ["deliveries[0].body"]),
        ({"via": DeliveryVia.WEBHOOK, "url": HOOK.url, "body": "x" * 4_001}, ["deliveries[0].body"]),
    ],
)
async def test_each_wrong_field_is_named(house: House, wish: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(InvalidInput) as error:
        house.todo.deliveries.checks.kept([DeliveryWish(**wish)])
    assert [each.field for each in error.value.errors] == fields


async def test_there_are_not_too_many(house: House) -> None:
    with pytest.raises(InvalidInput):
        house.todo.deliveries.checks.kept([HOOK] * 21)


async def test_another_secret_for_the_same_place_is_sealed_anew(house: House) -> None:
    checks = house.todo.deliveries.checks
    (kept,) = checks.kept([HOOK])
    (again,) = checks.kept([msgspec.structs.replace(kept, secret="other")])
    target = house.parts.auth.seals.open(again.sealed, ChannelTarget)
    assert target is not None
    assert (target.url, target.secret, again.secret, again.host) == (HOOK.url, "other", "", "hooks.example.com")


async def test_rights_of_a_recipient_need_one(house: House) -> None:
    checks = house.todo.deliveries.checks
    with pytest.raises(InvalidInput) as error:
        checks.kept([msgspec.structs.replace(HOOK, rights=DeliveryRights.RECIPIENT)])
    assert [each.field for each in error.value.errors] == ["deliveries[0].rights"]
