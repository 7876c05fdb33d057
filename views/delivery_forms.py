"""Deliveries in forms: every one of them with its fields, sent side by side, in order.

The fields of all deliveries have the same names: the second `to` is of the second one. So all of them are sent, also
those that the chosen way does not need; what a page does not show is not taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.delivery.address_books import AddressBook
from server.delivery.mail_addresses import parted_addresses
from server.delivery.wishes import MOST_WISHES, DeliveryRights, DeliveryVia, DeliveryWish
from server.http.forms import Form
from server.numerals import whole_number

FIELDS = (
    "via", "to", "subject", "body", "attach", "empty", "secret", "rights",
    "book_dataset", "book_key", "book_column", "book_parameter", "was",
)  # fmt: skip
ADD, REMOVE = "add_delivery", "remove_delivery"
MOST_FORM_BYTES, MOST_FORM_FIELDS = 1024 * 1024, 200 + MOST_WISHES * len(FIELDS)
_ADDRESSED = (DeliveryVia.MAIL, DeliveryVia.LINK)
_WITH_SECRET = (DeliveryVia.WEBHOOK, DeliveryVia.DINGTALK, DeliveryVia.FEISHU)
_PLACES = (DeliveryVia.FOLDER, DeliveryVia.S3)
_COMMAS = re.compile(r"[,;，；、]+")
_NO_ADDRESS = "https://"  # is refused as one: what is left out must not become that of another one


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryGroups:
    """What a page shows: the fields of each, and whether there may be one more."""

    given: Sequence[Mapping[str, str]]
    may_have_more: bool


def groups_of(form: Mapping[str, str]) -> DeliveryGroups:
    """At least one, which may be empty."""
    found = _groups(form) or [{}]
    return DeliveryGroups(given=found, may_have_more=len(found) < MOST_WISHES)


def regrouped(form: Form) -> Form | None:
    """The form with one delivery more, or without one, where that is what was pressed; None where it is not."""
    groups = _groups(form)
    if form.get(ADD):
        groups.append({"via": DeliveryVia.MAIL.value})
    elif form.get(REMOVE):
        place = whole_number(form[REMOVE], at_most=len(groups) or 1) or 0
        groups = [group for number, group in enumerate(groups, start=1) if number != place]
    else:
        return None
    others = [(name, value) for name, value in form.pairs() if name not in (*FIELDS, ADD, REMOVE)]
    return Form([*others, *((name, group.get(name, "")) for group in groups for name in FIELDS)])


def wishes_of(form: Form, before: Sequence[DeliveryWish] = ()) -> list[DeliveryWish]:
    """What the fields say; nothing where no way is chosen. `was` is the place among `before` of what it was, whose
    secrets it keeps as long as it goes to the same place."""
    made = []
    for group in _groups(form):
        if group.get("via", "") in list(DeliveryVia):
            was = whole_number(group.get("was", ""), at_most=MOST_WISHES)
            old = before[was - 1] if was and was <= len(before) else None
            made.append(_wish(group, DeliveryVia(group["via"]), old))
    return made


def form_of(wishes: Sequence[DeliveryWish]) -> list[tuple[str, str]]:
    """The fields as they would have been sent; what is secret is not shown, and stays when it is left as it is."""
    return [pair for place, wish in enumerate(wishes, start=1) for pair in _said(wish, place).items()]


def _groups(form: Mapping[str, str]) -> list[dict[str, str]]:
    every = {name: form.all(name) if isinstance(form, Form) else [form[name]] for name in FIELDS if name in form}
    count = max(map(len, every.values()), default=0)
    return [{name: values[place] for name, values in every.items() if place < len(values)} for place in range(count)]


def _said(wish: DeliveryWish, place: int) -> dict[str, str]:
    book = wish.to_dataset
    return {
        "via": wish.via.value,
        "to": wish.path or ", ".join(filter(None, (wish.to_column, *wish.to))) or wish.host,
        "subject": wish.subject,
        "body": wish.body,
        "attach": "files" if wish.attach else "link",
        "empty": "left_out" if wish.unless_empty else "sent",
        "secret": "",
        "rights": wish.rights.value,
        "book_dataset": book.dataset if book else "",
        "book_key": book.key if book else "",
        "book_column": book.column if book else "",
        "book_parameter": book.parameter if book else "",
        "was": str(place),
    }


def _wish(group: Mapping[str, str], via: DeliveryVia, old: DeliveryWish | None) -> DeliveryWish:
    where = group.get("to", "").strip()
    values: dict[str, Any] = {"unless_empty": group.get("empty") == "left_out"}
    if via not in _PLACES:
        values["subject"] = group.get("subject", "").strip()
        values["body"] = group.get("body", "").replace("\r\n", "\n").strip()
    if via in _ADDRESSED:
        values |= _to(where, group)
        values["rights"] = _chosen(DeliveryRights, group.get("rights", ""), DeliveryRights.OWNER)
        values["attach"] = group.get("attach") != "link"
    elif via in _PLACES:
        values["path"] = where
    elif old is not None and old.via is via and where in ("", old.host):
        values |= {"host": old.host, "sealed": old.sealed, "secret": _secret(group, via)}
    else:
        values |= {"url": where or _NO_ADDRESS, "secret": _secret(group, via)}
    return DeliveryWish(via=via, **values)


def _secret(group: Mapping[str, str], via: DeliveryVia) -> str:
    return group.get("secret", "") if via in _WITH_SECRET else ""


def _to(where: str, group: Mapping[str, str]) -> dict[str, Any]:
    """Addresses, a column that names them, and a dataset that does."""
    parts = [part.strip() for part in _COMMAS.split(where)]
    found: dict[str, Any] = {
        "to": parted_addresses(",".join(word for part in parts if "@" in part for word in part.split())),
        "to_column": ", ".join(part for part in parts if part and "@" not in part),
    }
    book = {name: group.get(f"book_{name}", "").strip() for name in ("dataset", "key", "column", "parameter")}
    if any(book[name] for name in ("dataset", "key", "column")):
        found["to_dataset"] = AddressBook(**book)
    return found


def _chosen(kind: Any, said: str, otherwise: Any) -> Any:
    return kind(said) if said in {each.value for each in kind} else otherwise
