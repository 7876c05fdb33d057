"""Deliveries as they are ordered, here and with batches and schedules, and as the order is told again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from server.delivery.address_books import AddressBook
from server.delivery.wishes import MOST_RECIPIENTS, MOST_WISHES, DeliveryRights, DeliveryVia, DeliveryWish
from server.http.values import line
from server.operations.delivery_checks import MOST_BODY, MOST_COLUMN, MOST_SUBJECT

_Address = Annotated[str, line(254, least=3)]
_Url = Annotated[str, line(2_000)]


class ToDataset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where addresses stand: in the row of `dataset` (as in SQL: `contacts`, `mei.contacts`) whose `key` is the
    parameter of the same name, or `parameter`, in `column`."""

    dataset: Annotated[str, line(MOST_COLUMN, least=1)]
    key: Annotated[str, line(MOST_COLUMN, least=1)]
    column: Annotated[str, line(MOST_COLUMN, least=1)]
    parameter: Annotated[str, line(MOST_COLUMN)] = ""


class WantedDelivery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes where once the reports are made. `to`: addresses that get all of them. `to_column`: the column of the
    parameter rows (a parameter, or one beside them) that names who gets this one report; whoever is named by several
    has them in one mail. `to_dataset`: the dataset that says so, found by a parameter when the reports are ordered; a
    key that it does not have, or has with different addresses, stops that report's delivery. `subject` and `body` may
    hold `{{ title }}`, `{{ batch }}`, `{{ period }}`, `{{ date }}`, `{{ count }}` and `{{ recipient }}`. `attach`: the
    files themselves, as long as they are not too large; else a link. `unless_empty`: reports that show no row are not
    sent, and it is said so. `path`: a folder that an administrator named, and
    folders in it. `url` and `secret` are kept sealed and never told again; what is changed keeps those that it leaves
    out. `rights`: `owner`, those of whoever orders it; `recipient`: only users of this server who have confirmed their
    address and may, when it is sent, see every dataset that the reports read; the others are left out, and it is said
    why."""

    via: DeliveryVia
    to: Annotated[list[_Address], Meta(max_length=MOST_RECIPIENTS)] = []
    to_column: Annotated[str, line(MOST_COLUMN)] = ""
    to_dataset: ToDataset | None = None
    subject: Annotated[str, line(MOST_SUBJECT)] = ""
    body: Annotated[str, Meta(max_length=MOST_BODY)] = ""
    attach: bool = True
    unless_empty: bool = False
    url: _Url = ""
    secret: Annotated[str, line(500)] = ""
    path: Annotated[str, line(300)] = ""
    rights: DeliveryRights = DeliveryRights.OWNER

    @property
    def wish(self) -> DeliveryWish:
        book = AddressBook(**msgspec.structs.asdict(self.to_dataset)) if self.to_dataset else None
        said = {name: getattr(self, name) for name in self.__struct_fields__}
        return DeliveryWish(**said | {"to_dataset": book})


WantedList = Annotated[list[WantedDelivery], Meta(max_length=MOST_WISHES)]


class ToldWish(msgspec.Struct, frozen=True, kw_only=True):
    """As it was ordered, without what is secret: of an address that is one, `host` alone."""

    via: DeliveryVia
    to: list[str]
    to_column: str
    to_dataset: AddressBook | None
    subject: str
    body: str
    attach: bool
    unless_empty: bool
    path: str
    rights: DeliveryRights
    host: str


def told_wishes(wishes: Sequence[DeliveryWish]) -> list[ToldWish]:
    return [ToldWish(**{name: getattr(wish, name) for name in ToldWish.__struct_fields__}) for wish in wishes]
