"""Every delivery of a form is read back as it was shown, and nothing of another one."""

from __future__ import annotations

from server.delivery.address_books import AddressBook
from server.delivery.wishes import DeliveryRights, DeliveryVia, DeliveryWish
from server.http.forms import Form
from views.delivery_forms import ADD, MOST_FORM_FIELDS, REMOVE, form_of, groups_of, regrouped, wishes_of

WISHES = [
    DeliveryWish(via=DeliveryVia.MAIL, to=["a@example.com", "b@example.com"], subject="月报", body="a\n\nb"),
    DeliveryWish(via=DeliveryVia.SLACK, host="hooks.slack.com", sealed="sealed-1"),
    DeliveryWish(via=DeliveryVia.FOLDER, path="archive/{{ period }}", unless_empty=True),
    DeliveryWish(via=DeliveryVia.SLACK, host="hooks.slack.com", sealed="sealed-2", body="Another channel"),
    DeliveryWish(
        via=DeliveryVia.MAIL,
        attach=False,
        rights=DeliveryRights.RECIPIENT,
        to_dataset=AddressBook(dataset="contacts", key="region", column="mail", parameter="area"),
    ),
    DeliveryWish(via=DeliveryVia.LINK, to_column="manager mail", unless_empty=True),
    DeliveryWish(via=DeliveryVia.MAIL, to_column="负责人", to=["boss@example.com", "c@example.com"]),
]


def test_what_is_shown_is_read_back() -> None:
    assert wishes_of(Form(form_of(WISHES)), WISHES) == WISHES


def test_one_taken_away_leaves_the_others_their_secrets() -> None:
    shown = Form([("name", "Monthly"), *form_of(WISHES), (REMOVE, "2")])
    changed = regrouped(shown)
    assert changed is not None
    assert changed["name"] == "Monthly"
    assert REMOVE not in changed
    assert wishes_of(changed, WISHES) == [WISHES[0], *WISHES[2:]]


def test_one_more_is_a_mail_and_twenty_are_the_most() -> None:
    form = Form([*form_of(WISHES), (ADD, "1")])
    changed = regrouped(form)
    assert changed is not None
    assert wishes_of(changed, WISHES) == [*WISHES, DeliveryWish(via=DeliveryVia.MAIL)]
    assert groups_of(changed).may_have_more
    full = Form(form_of(WISHES[:1] * 20))
    assert not groups_of(full).may_have_more
    assert len(full.pairs()) < MOST_FORM_FIELDS
    assert regrouped(full) is None


def test_another_address_is_not_mixed_with_a_secret_of_before() -> None:
    """A chat without an address is refused, whatever stood in its place before."""
    moved = Form([("via", "slack"), ("to", "https://hooks.slack.com/other"), ("was", "2")])
    (wish,) = wishes_of(moved, WISHES)
    assert (wish.url, wish.sealed) == ("https://hooks.slack.com/other", "")
    for was in ("", "1", "99", "x"):
        (wish,) = wishes_of(Form([("via", "slack"), ("to", ""), ("was", was)]), WISHES)
        assert (wish.url, wish.sealed) == ("https://", "")
    (kept,) = wishes_of(Form([("via", "slack"), ("to", "hooks.slack.com"), ("was", "4"), ("secret", "")]), WISHES)
    assert kept.sealed == "sealed-2"


def test_what_a_way_does_not_need_is_not_taken() -> None:
    form = Form([("via", "folder"), ("to", "archive"), ("subject", "x"), ("rights", "recipient"), ("secret", "y")])
    assert wishes_of(form) == [DeliveryWish(via=DeliveryVia.FOLDER, path="archive")]
    (wish,) = wishes_of(Form([("via", "slack"), ("to", "https://hooks.slack.com/x"), ("secret", "of another way")]))
    assert wish.secret == ""
    assert wishes_of(Form([("via", ""), ("to", "a@example.com")])) == []
    assert wishes_of(Form([("via", "telepathy")])) == []
