"""What is said of alerts: constant English texts with what fills them, translated where they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.alerts.alert import Alert
from server.alerts.subject import AlertUnit, WatchedSubject
from server.jobs.outcomes import Notice
from server.texts import Phrase, Translate, phrase, told

PAGE = "/admin/alerts"
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_YEAR_DAYS = 365
_MOST_TOLD = 3  # in a notification; the page has them all


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNews:
    """What those who are told do not know yet."""

    firing: Sequence[Alert]
    ended: Sequence[Alert]
    is_test: bool = False

    def __bool__(self) -> bool:
        return bool(self.firing or self.ended or self.is_test)


def value_phrase(subject: WatchedSubject, value: float) -> Phrase:
    """`1.2 %`, `15 min`."""
    if subject.unit is AlertUnit.SHARE:
        return phrase("{number} %", number=_digits(value * 100))
    if subject.unit is AlertUnit.MILLISECONDS:
        return phrase("{number} ms", number=_digits(value))
    if subject.unit is AlertUnit.DAYS and value >= _YEAR_DAYS:
        return phrase("more than a year")
    if subject.unit is AlertUnit.DAYS:
        return phrase("{number} days", number=_digits(value))
    if subject.unit is AlertUnit.SECONDS:
        return length_phrase(value)
    return phrase("{number}", number=_digits(value))


def length_phrase(seconds: float) -> Phrase:
    if seconds >= 2 * _DAY:
        return phrase("{number} days", number=_digits(seconds / _DAY))
    if seconds >= _HOUR:
        return phrase("{number} h", number=_digits(seconds / _HOUR))
    if seconds >= _MINUTE:
        return phrase("{number} min", number=_digits(seconds / _MINUTE))
    if 0 < seconds < 1:
        return phrase("{number} ms", number=_digits(seconds * 1000))
    return phrase("{number} s", number=_digits(seconds))


def what_phrase(alert: Alert) -> Phrase:
    """What it is about: `Room left on the disk at east`, `No success of a script's job: nightly`."""
    label = phrase(alert.subject.label)
    if alert.node:
        label = phrase("{what} at {node}", what=label, node=alert.node)
    return phrase("{what}: {target}", what=label, target=alert.target) if alert.target else label


def limit_phrase(alert: Alert) -> Phrase:
    """Which of several rules of one subject it is."""
    limit = value_phrase(alert.subject, alert.threshold)
    return phrase("below {limit}", limit=limit) if alert.subject.is_low_bad else phrase("above {limit}", limit=limit)


def which_phrase(alert: Alert) -> Phrase:
    """`Room left on the disk (below 10 %)`."""
    return phrase("{what} ({limit})", what=what_phrase(alert), limit=limit_phrase(alert))


def firing_phrase(alert: Alert) -> Phrase:
    values = {"value": value_phrase(alert.subject, alert.value)}
    values["limit"] = value_phrase(alert.subject, alert.threshold)
    if alert.subject.is_low_bad:
        return phrase("{what}: {value}, below {limit}", what=what_phrase(alert), **values)
    return phrase("{what}: {value}, above {limit}", what=what_phrase(alert), **values)


def ended_phrase(alert: Alert) -> Phrase:
    since = alert.fired_at or alert.began_at
    length = length_phrase(((alert.ended_at or alert.seen_at) - since).total_seconds())
    worst = value_phrase(alert.subject, alert.worst)
    if not alert.is_well:
        return phrase(
            "{what}: not watched any more after {length}, at worst {worst}",
            what=which_phrase(alert),
            length=length,
            worst=worst,
        )
    return phrase(
        "{what}: well again after {length}, at worst {worst}", what=which_phrase(alert), length=length, worst=worst
    )


def title_phrase(news: AlertNews) -> Phrase:
    """One line for all of them."""
    if news.is_test:
        return phrase("This is a test of the alerts")
    if not news.firing:
        return _over(news.ended)
    firing = _begun(news.firing)
    return phrase("{firing}; well again: {count}", firing=firing, count=len(news.ended)) if news.ended else firing


def _begun(firing: Sequence[Alert]) -> Phrase:
    what, more = which_phrase(firing[0]), len(firing) - 1
    return phrase("Alert: {what} and {more} more", what=what, more=more) if more else phrase("Alert: {what}", what=what)


def _over(over: Sequence[Alert]) -> Phrase:
    what, more = which_phrase(over[0]), len(over) - 1
    if not any(alert.is_well for alert in over):
        return phrase("Not watched any more: {what}", what=what)
    if more:
        return phrase("Well again: {what} and {more} more", what=what, more=more)
    return phrase("Well again: {what}", what=what)


def lines(news: AlertNews) -> list[Phrase]:
    if news.is_test:
        return [phrase("Nothing is wrong: an administrator wanted to see whether this arrives.")]
    return [*map(firing_phrase, news.firing), *map(ended_phrase, news.ended)]


def _parts(news: AlertNews) -> list[tuple[Phrase | None, list[Phrase]]]:
    """What fires and what is well again, apart from each other and under headings where there are both."""
    if not (news.firing and news.ended):
        return [(None, lines(news))]
    return [
        (phrase("What fires:"), [firing_phrase(alert) for alert in news.firing]),
        (phrase("What is over:"), [ended_phrase(alert) for alert in news.ended]),
    ]


def notice_of(news: AlertNews) -> Notice:
    shown = lines(news)[:_MOST_TOLD]
    title = title_phrase(news)
    return Notice(
        title="{title}",
        body=" · ".join("{" + name + "}" for name in "abc"[: len(shown)]),
        level="error" if news.firing else "success",
        url=PAGE,
        parameters={"title": title, **dict(zip("abc", shown, strict=False))},
    )


def translated(said: Phrase, translate: Translate) -> str:
    return told("{said}", {"said": said}, translate)


def mail_text(news: AlertNews, translate: Translate, *, server: str) -> str:
    """Plain, with where to look."""
    paragraphs = [translated(phrase("{server} says:", server=server), translate)]
    for heading, said in _parts(news):
        paragraphs += ["", *([translated(heading, translate)] if heading else [])]
        paragraphs += [f"* {translated(each, translate)}" for each in said]
    link = f"{server}{PAGE}" if server.startswith("http") else PAGE
    paragraphs += [
        "",
        translated(phrase("See what fires, since when, and change the rules: {link}", link=link), translate),
    ]
    return "\n".join(paragraphs) + "\n"


def hook_payload(news: AlertNews, translate: Translate, *, server: str) -> dict[str, object]:
    """`text` is what chat programs show; the rest is for programs."""
    return {
        "type": "test" if news.is_test else "alerts",
        "server": server,
        "text": "\n".join(translated(each, translate) for each in (title_phrase(news), *lines(news))),
        "firing": [_plain(alert) for alert in news.firing],
        "ended": [_plain(alert) for alert in news.ended],
    }


def _plain(alert: Alert) -> dict[str, object]:
    return {
        "id": alert.id,
        "rule": alert.rule_id,
        "subject": alert.subject.name,
        "target": alert.target,
        "node": alert.node,
        "cause": alert.subject.cause,
        "value": alert.value,
        "worst": alert.worst,
        "threshold": alert.threshold,
        "unit": alert.subject.unit,
        "fired_at": alert.fired_at,
        "ended_at": alert.ended_at,
    }


def _digits(value: float) -> str:
    """As many as say something: 0.05, 1.2, 340."""
    for least, places in ((100, 0), (1, 1), (0.01, 2)):
        if abs(value) >= least:
            return f"{round(value, places):g}" if places else f"{value:.0f}"
    return f"{value:.4f}".rstrip("0").rstrip(".") or "0"
