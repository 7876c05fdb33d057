"""Who gets which reports: decided from an order and what was made of it, before anything is written down or sent."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from server.delivery.address_books import LookupProblem
from server.delivery.mail_addresses import is_address, is_of_domains, parted_addresses
from server.delivery.wishes import DeliveryVia, DeliveryWish
from server.texts import Phrase, phrase

_EACH_REPORT = frozenset({DeliveryVia.FOLDER})  # each lies at a place of its own


class Receivable(Protocol):
    """A report, or one that would be made."""

    @property
    def id(self) -> str: ...

    @property
    def carried(self) -> Mapping[str, str]: ...

    @property
    def parameters(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDelivery:
    """`recipient` is what may be told; `problem` is why it cannot be sent as it is."""

    position: int
    wish: DeliveryWish
    recipient: str
    reports: tuple[Any, ...]
    is_whole: bool
    problem: Phrase | None = None

    @property
    def report_id(self) -> str:
        """The one report that it is of."""
        return self.reports[0].id if len(self.reports) == 1 and not self.is_whole else ""

    @property
    def recipient_key(self) -> str:
        return key_of(self.wish.via, self.recipient)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRules:
    """What an administrator allows. `domains`: where mail may go, all if empty."""

    domains: Collection[str] = ()

    def problem_of(self, address: str) -> Phrase | None:
        if not is_address(address):
            return phrase("“{address}” is no mail address.", address=address)
        if not is_of_domains(address, self.domains):
            return phrase("Mail to “{address}” is not allowed here.", address=address)
        return None


def key_of(via: DeliveryVia, recipient: str) -> str:
    return hashlib.sha256(f"{via.value} {recipient.casefold()}".encode()).hexdigest()


def planned_deliveries(
    wishes: Sequence[DeliveryWish], reports: Sequence[Receivable], rules: DeliveryRules
) -> list[PlannedDelivery]:
    """Every recipient of every wish, with the reports that they get: theirs and nobody else's."""
    return [each for position, wish in enumerate(wishes) for each in _of_wish(position, wish, reports, rules)]


def _of_wish(
    position: int, wish: DeliveryWish, reports: Sequence[Receivable], rules: DeliveryRules
) -> Iterable[PlannedDelivery]:
    if wish.via in _EACH_REPORT:
        for report in reports:
            yield PlannedDelivery(position=position, wish=wish, recipient=wish.path, reports=(report,), is_whole=False)
        return
    for recipient in wish.to if wish.to or wish.to_column or wish.to_dataset else [wish.host]:
        problem = rules.problem_of(recipient) if wish.to else None
        yield PlannedDelivery(
            position=position,
            wish=wish,
            recipient=recipient,
            reports=tuple(reports),
            is_whole=True,
            problem=problem,
        )
    if wish.to_column or wish.to_dataset:
        yield from _by_row(position, wish, reports, rules)


def _by_row(
    position: int, wish: DeliveryWish, reports: Sequence[Receivable], rules: DeliveryRules
) -> Iterable[PlannedDelivery]:
    theirs: dict[str, list[Receivable]] = {}
    named: dict[str, str] = {}
    for report in reports:
        addresses = parted_addresses(_said(report, wish))
        if not addresses:
            problem = _why_nobody(report, wish)
            yield PlannedDelivery(
                position=position, wish=wish, recipient="", reports=(report,), is_whole=False, problem=problem
            )
        for address in addresses:
            named.setdefault(address.casefold(), address)
            theirs.setdefault(address.casefold(), []).append(report)
    fixed = {address.casefold() for address in wish.to}  # they get all of them anyway
    for key, own in theirs.items():
        if key not in fixed:
            yield PlannedDelivery(
                position=position,
                wish=wish,
                recipient=named[key],
                reports=tuple(own),
                is_whole=False,
                problem=rules.problem_of(named[key]),
            )


def _why_nobody(report: Receivable, wish: DeliveryWish) -> Phrase:
    if (book := wish.to_dataset) is None:
        return phrase("Its row names nobody in “{column}”.", column=wish.to_column)
    problem = LookupProblem(report.carried.get(book.problem_as, LookupProblem.EMPTY))
    return book.told(problem, report.carried.get(book.key_as, ""))


def _said(report: Receivable, wish: DeliveryWish) -> str:
    """Of reports that were ordered without a delivery only parameters are kept."""
    if wish.to_dataset:
        return report.carried.get(wish.to_dataset.carried_as, "")
    column = wish.to_column
    said = report.carried.get(column) or report.parameters.get(column)
    return said if isinstance(said, str) else ""
