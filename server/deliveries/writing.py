"""A delivery in words: what its mail or message says, in the language of whoever had it made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date

from server.deliveries.delivery import DeliveredReport, FrozenDelivery
from server.deliveries.mail_page import mail_page
from server.delivery.messages import ChannelMessage, ToldFile
from server.delivery.parcel import Attachment, InlinePicture, Mail
from server.delivery.wishes import filled
from server.languages import Languages, babel_locale
from server.reports.formats import Formats, ValueFormat
from server.reports.work import ChartPicture
from server.texts import phrase, told

_MOST_PAGE_BYTES = 95_000  # Gmail clips at 102 kB
_A_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReport:
    title: str
    url: str
    parameters: Sequence[tuple[str, str]]
    figures: Sequence[tuple[str, str]]
    picture: str = ""  # its content id in the mail
    told: str = ""  # what is to be seen on it


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTo:
    url: str
    label: str


class DeliveryWords:
    """Of one delivery. `secrets` are those of its links, by their id; `base` is the address of this server, if any."""

    def __init__(
        self,
        delivery: FrozenDelivery,
        *,
        languages: Languages,
        base: str,
        secrets: Mapping[str, str],
        unsubscribe: str = "",
        comes_back_to: str = "",
        pictures: Mapping[str, ChartPicture] | None = None,
    ) -> None:
        self._delivery = delivery
        self._content = delivery.content
        self.gettext: Callable[[str], str] = languages.of(delivery.content.language).gettext
        self._spoken = list(languages.catalogues)
        self._locale = babel_locale(delivery.content.language)
        self._base = base
        self._secrets = secrets
        self._unsubscribe = unsubscribe
        self._comes_back_to = comes_back_to
        self._pictures = pictures or {}

    @property
    def subject(self) -> str:
        """With what it is about: mail of one subject is put together by programs, and looks like the old one."""
        if self._delivery.is_trial:
            told_as = phrase("Trial: would go to {recipient} · {subject}")
            return self._told(told_as, recipient=self._delivery.meant_for, subject=self._own_subject)
        return self._own_subject

    @property
    def _own_subject(self) -> str:
        if self._content.subject:
            return " ".join(filled(self._content.subject, self._values()).split())
        return f"{self._heading} · {self._about}" if self._about else self._heading

    def mail(self) -> Mail:
        content = self._content
        attached = [
            Attachment(name=file.name, media_type=file.media_type, blob=file.blob, sha256=file.sha256)
            for file in (content.files if content.attach else ())
        ]
        return Mail(
            recipients=(self._delivery.recipient,),
            subject=self.subject,
            text=self.text(),
            html=self._page(),
            attachments=tuple(attached),
            pictures=tuple(
                InlinePicture(id=_picture_id(each), png=found.png) for each, found in self._pictures.items()
            ),
            unsubscribe=self._unsubscribe,
            message_id=self._delivery.message_id,
            comes_back_to=self._comes_back_to,
        )

    def message(self) -> ChannelMessage:
        """For channels that show a few lines."""
        first = self._content.reports[0] if len(self._content.reports) == 1 else None
        facts = [*first.parameters, *first.figures] if first else [(self.gettext("Reports"), str(self._reports))]
        files = [
            ToldFile(name=file.name, size=file.size, media_type=file.media_type, blob=file.blob, sha256=file.sha256)
            for file in self._content.files
        ]
        return ChannelMessage(
            title=self.subject,
            text="\n\n".join([*self._paragraphs(), *self._notes()]),
            facts=tuple(facts),
            url=self._url_of(first) if first else self.url,
            language=self._content.language,
            files=tuple(files),
        )

    def text(self) -> str:
        parts = [self._trial(), "\n\n".join(self._paragraphs())]
        for report in self._shown():
            lines = [report.title, *(f"  {label}: {text}" for label, text in (*report.parameters, *report.figures))]
            parts.append("\n".join([*lines, *([f"  {report.url}"] if report.url else [])]))
        if self.url:
            parts.append(f"{self.gettext('Open the reports')}: {self.url}")
        parts += self._notes()
        parts.append("\n".join(["--", *self._footer()]))
        if self._unsubscribe:
            parts.append(f"{self.gettext('No more of this mail')}: {self._unsubscribe}")
        return "\n\n".join(part for part in parts if part) + "\n"

    @property
    def url(self) -> str:
        """Of all of them together: for anybody if there is a link, else for who may see them here by an account."""
        if self._content.link_id:
            return self._shared(self._content.link_id)
        if not self._inside or not self._content.is_whole:
            return ""
        return f"{self._base}/batches/{self._delivery.batch_id}"

    def _page(self) -> str:
        """With as many of the reports as programs show whole: of a longer one Gmail hides what comes last, and with it
        what is left out and how such mail ends."""
        shown = self._shown()
        page = self._page_of(shown)
        while len(page.encode()) > _MOST_PAGE_BYTES and len(shown) > 1:
            shown = shown[: len(shown) * 3 // 4]
            page = self._page_of(shown)
        return page

    def _page_of(self, shown: Sequence[ShownReport]) -> str:
        url = self.url
        return mail_page(
            language=self._content.language,
            subject=self.subject,
            trial=self._trial(),
            heading=self._heading,
            period=self._about,
            paragraphs=[text.splitlines() for text in self._paragraphs()],
            reports=shown,
            button=LinkTo(url=url, label=self.gettext("Open the reports")) if url else None,
            notes=self._notes(len(shown)),
            footer=self._footer(),
            unsubscribe=LinkTo(url=self._unsubscribe, label=self.gettext("No more of this mail"))
            if self._unsubscribe
            else None,
        )

    def _trial(self) -> str:
        """What whoever tries it has to know; empty where it is no trial."""
        if (trial := self._content.trial) is None:
            return ""
        words = phrase("This is a trial. The mail would go to {recipient}, and nobody but you has got it.")
        sentences = [self._told(words, recipient=self._delivery.meant_for)]
        if trial.total > trial.sent:
            some = phrase("The first {count} of {total} mails were sent to you.")
            sentences.append(self._told(some, count=trial.sent, total=trial.total))
        return " ".join(sentences)

    def _paragraphs(self) -> list[str]:
        if self._content.body:
            return filled(self._content.body, self._values()).split("\n\n")
        if self._reports == 1:
            return [self._told(phrase("“{name}” is ready."), name=self._heading)]
        return [self._told(phrase("{count} reports of “{name}” are ready."), name=self._heading, count=self._reports)]

    def _notes(self, shown: int | None = None) -> list[str]:
        """What a reader has to know, and would not see; of all reports or those that are `shown`."""
        content, notes = self._content, []
        if content.missing:
            notes.append(self._told(phrase("Reports that could not be made: {count}."), count=content.missing))
        if content.left_out_count:
            names, more = ", ".join(content.left_out), content.left_out_count - len(content.left_out)
            told_so = phrase("Not sent, since they have no rows: {names} and {count} more.")
            told_so = told_so if more else phrase("Not sent, since they have no rows: {names}.")
            notes.append(self._told(told_so, names=names, count=more))
        left = self._reports - (len(content.reports) if shown is None else shown)
        if left > 0:
            notes.append(self._told(phrase("And {count} more reports, which are not listed here."), count=left))
        if content.is_large and self._has_links:
            notes.append(self.gettext("The files are too large to be attached; open them by the link."))
        elif content.is_large:
            notes.append(self.gettext("The files are too large to be attached. Ask whoever sent you this for them."))
        if content.links_end_at and self._has_links:
            last = (content.links_end_at - _A_SECOND).astimezone(ZoneInfo(content.time_zone))  # the day that ends then
            day = format_date(last, "medium", locale=self._locale)
            notes.append(self._told(phrase("The links work until the end of {date}."), date=day))
        return notes

    def _footer(self) -> list[str]:
        content = self._content
        lines = [self._told(phrase("Data and days as of {date}."), date=self._date)]
        if content.list_name:
            lines.append(self._told(phrase("Sent by the schedule “{name}”."), name=content.list_name))
        return lines

    def _shown(self) -> list[ShownReport]:
        return [
            ShownReport(
                title=report.title,
                url=self._url_of(report),
                parameters=report.parameters,
                figures=report.figures,
                picture=_picture_id(report.id) if report.id in self._pictures else "",
                told=self._pictures[report.id].told if report.id in self._pictures else "",
            )
            for report in self._content.reports
        ]

    def _url_of(self, report: DeliveredReport) -> str:
        if report.link_id:
            return self._shared(report.link_id)
        if self._content.link_id and (shared := self._shared(self._content.link_id)):
            return f"{shared}/reports/{report.id}"
        return f"{self._base}/reports/{report.id}" if self._inside else ""

    def _shared(self, link_id: str) -> str:
        secret = self._secrets.get(link_id)
        return f"{self._base}/s/{secret}" if secret and self._base else ""

    @property
    def _inside(self) -> bool:
        """Whether pages behind the sign-in are of use to whoever gets it."""
        return bool(self._base) and self._content.may_open

    @property
    def _has_links(self) -> bool:
        return bool(self.url) or any(self._url_of(report) for report in self._content.reports)

    @property
    def _reports(self) -> int:
        return len(self._content.report_ids)

    @property
    def _heading(self) -> str:
        reports = self._content.reports
        return reports[0].title if len(reports) == 1 and self._reports == 1 else self._content.batch_name

    @property
    def _about(self) -> str:
        """The period, or else the day; nothing where the heading says it, in whichever language a template is."""
        about = self._content.period or self._date
        ways = (about, *_written(self._content.period, self._spoken))
        return "" if any(way in self._heading for way in ways) else about

    @property
    def _date(self) -> str:
        local = self._content.as_of.astimezone(ZoneInfo(self._content.time_zone))
        return format_date(local, "medium", locale=self._locale)

    def _values(self) -> dict[str, str]:
        return {
            "title": self._heading,
            "batch": self._content.batch_name,
            "period": self._content.period or self._date,
            "date": self._date,
            "count": str(self._reports),
            "recipient": self._delivery.meant_for,
        }

    def _told(self, words: dict[str, object], **values: object) -> str:
        return told(str(words["phrase"]), values, self.gettext)


def _written(period: str, languages: Iterable[str]) -> list[str]:
    """A month or a day, as batches are called by it."""
    kind = {7: "month", 10: "date"}.get(len(period), "")
    try:
        day = date.fromisoformat(f"{period}-01" if kind == "month" else period)
    except ValueError:
        return []
    return [Formats(language).text(day, ValueFormat(kind=kind)) for language in languages]


def _picture_id(report_id: str) -> str:
    return f"chart-{report_id}@jindu"


def folder_values(delivery: FrozenDelivery) -> dict[str, str]:
    """What a path may name: days as computers sort them."""
    content = delivery.content
    local = content.as_of.astimezone(ZoneInfo(content.time_zone))
    return {
        "title": content.reports[0].title if content.reports else content.batch_name,
        "batch": content.batch_name,
        "period": content.period or f"{local:%Y-%m-%d}",
        "date": f"{local:%Y-%m-%d}",
        "count": str(len(content.report_ids)),
        "recipient": "",
    }


PLACEHOLDERS = ("title", "batch", "period", "date", "count", "recipient")
