"""One thing for one recipient: what it holds, frozen before anything is sent, and how far it is."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from server.delivery.turns import WAITS
from server.delivery.wishes import DeliveryRights, DeliveryStage, DeliveryVia
from server.reports.file_names import unique_names
from server.storage.pages import Listing

MOST_REPORTS_TOLD = 50  # of one delivery, each by its name
MOST_LEFT_OUT_TOLD = 10


class DeliveryState(StrEnum):
    """`perhaps_sent`: it was on its way when we lost sight of it, and nobody sends it again but a person."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    PERHAPS_SENT = "perhaps_sent"
    FAILED = "failed"
    BOUNCED = "bounced"  # their mail server took it, and sent it back
    HELD = "held"  # of a backup: the server that it is of may have sent it
    SKIPPED = "skipped"  # there is nothing to send, it has no rows, or they want it no more


OPEN_STATES = (DeliveryState.WAITING, DeliveryState.SENDING)
TROUBLED = (DeliveryState.FAILED, DeliveryState.PERHAPS_SENT, DeliveryState.BOUNCED)


class DeliveredFile(msgspec.Struct, frozen=True, kw_only=True):
    """As it was when the delivery was written down: `sha256` is looked at again before it is sent."""

    name: str
    format: str
    media_type: str
    size: int
    sha256: str
    blob: str


class DeliveredReport(msgspec.Struct, frozen=True, kw_only=True):
    """`figures` and `parameters` are labels with texts, as the report has them."""

    id: str
    title: str
    parameters: list[tuple[str, str]] = []
    figures: list[tuple[str, str]] = []
    files: list[DeliveredFile] = []
    link_id: str = ""


class TriedMail(msgspec.Struct, frozen=True, kw_only=True):
    """`total` mails would go out, of which the first `sent` go to whoever tries them."""

    user_id: str
    sent: int = 1
    total: int = 1


class DeliveryContent(msgspec.Struct, frozen=True, kw_only=True):
    """`report_ids` are all; `reports` those that are told of by name. `link_id` is of the link to the whole batch,
    `missing` how many reports could not be made, `left_out` the names of the first that show no row and are therefore
    not sent."""

    subject: str
    body: str
    batch_name: str
    template: str
    period: str
    language: str
    time_zone: str
    as_of: datetime
    is_whole: bool
    attach: bool
    is_large: bool = False  # the files would have gone along, and were too large for it
    report_ids: list[str]
    reports: list[DeliveredReport]
    missing: int = 0
    left_out: list[str] = []
    left_out_count: int = 0
    link_id: str = ""
    links_end_at: datetime | None = None
    list_name: str = ""  # the schedule that it is of
    path: str = ""
    rights: DeliveryRights = DeliveryRights.OWNER
    may_open: bool = True  # the pages behind the sign-in; who may not gets no link to them
    trial: TriedMail | None = None

    @property
    def files(self) -> list[DeliveredFile]:
        """Of several reports with one name, later ones are numbered: saved together none replaces another."""
        found = [file for report in self.reports for file in report.files]
        names = unique_names(file.name for file in found)
        return [msgspec.structs.replace(file, name=name) for file, name in zip(found, names, strict=True)]


class DeliveryItem(msgspec.Struct, frozen=True, kw_only=True):
    """As lists show it. `report_id` is empty of several reports together, as `report_title` is; `error` is a phrase.
    `trial_for` is who a trial is meant for, while `recipient` gets it; None of what is none.
    """

    id: str
    batch_id: str
    owner_id: str
    schedule_id: str | None
    position: int
    via: DeliveryVia
    recipient: str
    report_id: str
    report_count: int
    state: DeliveryState
    attempts: int
    next_at: datetime | None
    error: dict[str, Any] | None
    receipt: str
    created_at: datetime
    sent_at: datetime | None
    trial_for: str | None = None
    report_title: str = ""

    @property
    def is_trial(self) -> bool:
        return self.trial_for is not None

    @property
    def is_mail(self) -> bool:
        return self.via is DeliveryVia.MAIL or (self.via is DeliveryVia.LINK and bool(self.recipient))

    @property
    def waits_for_turn(self) -> bool:
        """Where it goes takes only so many a minute: it leaves at `next_at`, and nothing makes that come sooner."""
        return self.state is DeliveryState.WAITING and self.error is not None and self.error["phrase"] == WAITS

    @property
    def meant_for(self) -> str:
        return self.recipient if self.trial_for is None else self.trial_for


class DeliveryStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How those of a batch stand, all read at one moment: two moments would be told as one that never was. `tally`
    does not count `trials`, some of which may be `open_trials` still."""

    page: Listing[DeliveryItem]
    tally: dict[DeliveryState, int]
    stage: DeliveryStage
    trials: int = 0
    open_trials: int = 0

    @property
    def is_unsettled(self) -> bool:
        """Whether some of it is about to become something else by itself."""
        is_open = bool(self.open_trials) or any(state in self.tally for state in OPEN_STATES)
        return self.stage is DeliveryStage.WANTED or is_open


class FrozenDelivery(DeliveryItem, frozen=True, kw_only=True):
    """All of it, for whoever sends it."""

    content: DeliveryContent
    sealed: str
    message_id: str
    round: str
    bounce_tag: str = ""


class BatchDelivered(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the deliveries of one run of a schedule. `at`: when the first was written down."""

    batch_id: str
    at: datetime
    sent: int = 0
    troubled: int = 0
    skipped: int = 0


class OptOut(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants no more mail of a schedule."""

    id: str
    schedule_id: str
    address: str
    created_at: datetime
