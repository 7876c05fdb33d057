"""What somebody wants to be sent: by what, to whom, in which words. Kept with the order, before anything is made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from server.delivery.address_books import AddressBook, BookVersion

MOST_WISHES = 20
MOST_TRIED = 3  # mails of one trial: enough to see how they look
MOST_RECIPIENTS = 50  # that one wish names; a column may name as many as there are reports
PLACEHOLDER = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")


class DeliveryVia(StrEnum):
    """How something leaves the house."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    WECOM = "wecom"
    DINGTALK = "dingtalk"
    FEISHU = "feishu"
    SLACK = "slack"
    TEAMS = "teams"
    FOLDER = "folder"
    S3 = "s3"
    LINK = "link"


class DeliveryRights(StrEnum):
    """With whose rights something leaves: `recipient` are those of who gets it, who is then a user of this server."""

    OWNER = "owner"
    RECIPIENT = "recipient"


class DeliveryStage(StrEnum):
    """Of a batch that is to be delivered. `wanted`: whatever its job makes goes out once that is over."""

    NONE = ""
    WANTED = "wanted"
    FROZEN = "frozen"  # who gets what is written down
    HELD = "held"  # of a backup: the server that it is of sends it


class TrialReader(msgspec.Struct, frozen=True, kw_only=True):
    """Who has it sent to themselves first, and where they read mail."""

    user_id: str
    address: str


class DeliveryWish(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`to` are addresses; `to_column` names the column of the parameter rows in which each report's stand, `to_dataset`
    where else they are found.

    `unless_empty`: reports that show no row are not sent. With `trial` nobody but they gets anything. `url` and
    `secret` are `sealed` where they are kept, and `host` is what may be told of them. `path` is where in a folder it
    lies. Empty texts stand for the usual ones.
    """

    via: DeliveryVia
    to: list[str] = []
    to_column: str = ""
    to_dataset: AddressBook | None = None
    subject: str = ""
    body: str = ""
    attach: bool = True
    unless_empty: bool = False
    url: str = ""
    secret: str = ""
    path: str = ""
    rights: DeliveryRights = DeliveryRights.OWNER
    host: str = ""
    sealed: str = ""
    trial: TrialReader | None = None

    @property
    def is_mailed(self) -> bool:
        """Whether what it says goes to people as mail, with files or links."""
        has_addresses = bool(self.to or self.to_column or self.to_dataset)
        return self.via is DeliveryVia.MAIL or (self.via is DeliveryVia.LINK and has_addresses)


class WantedDeliveries(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of one batch. `schedule_id` when a schedule ordered it; `books` are the datasets of address books, by name.
    `is_trial`: it was made for whoever tries it, who alone gets what it was ordered with.

    The first `settled` wishes were written down when the job `settled_job` had made the reports.
    """

    wishes: list[DeliveryWish]
    schedule_id: str | None = None
    is_trial: bool = False
    books: dict[str, BookVersion] = {}
    settled: int = 0
    settled_job: str = ""

    def is_settled(self, position: int, job_id: str) -> bool:
        """Whether nothing new is to be written down of that wish: the reports are those of before, or it is a trial."""
        return position < self.settled and (job_id == self.settled_job or self.wishes[position].trial is not None)

    @property
    def columns(self) -> tuple[str, ...]:
        return columns_of(self.wishes)


def columns_of(wishes: Sequence[DeliveryWish]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(wish.to_column for wish in wishes if wish.to_column))


def books_of(wishes: Sequence[DeliveryWish]) -> tuple[AddressBook, ...]:
    return tuple(dict.fromkeys(wish.to_dataset for wish in wishes if wish.to_dataset))


def filled(text: str, values: dict[str, str]) -> str:
    """Its placeholders are replaced once: what a value holds is no placeholder."""
    return PLACEHOLDER.sub(lambda found: values.get(found[1], ""), text)
