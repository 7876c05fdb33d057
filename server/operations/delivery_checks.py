"""Whether what somebody wants delivered can be: said while it is ordered, field by field, not when it should arrive."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from server.auth.seals import Seals
from server.datasets.dataset import Version
from server.deliveries.carrying import CHANNELS, Carrying, channel_of
from server.deliveries.planning import DeliveryRules
from server.deliveries.writing import PLACEHOLDERS
from server.delivery.address_books import BookVersion
from server.delivery.messages import ChannelTarget
from server.delivery.wishes import MOST_RECIPIENTS, MOST_WISHES, PLACEHOLDER, DeliveryRights, DeliveryVia, DeliveryWish
from server.errors import FieldError, InvalidInput
from server.operations.line_texts import line_problems
from server.texts import Phrase

MOST_SUBJECT, MOST_BODY, MOST_COLUMN = 300, 4_000, 200
_NAMED = 30  # columns
_ADDRESSED = frozenset({DeliveryVia.MAIL, DeliveryVia.LINK})
_WORDS = frozenset({"subject", "body"})
_PEOPLE = _WORDS | {"to", "to_column", "to_dataset", "attach", "rights"}
_POSTED = _WORDS | {"url", "secret"}
_OWN = {DeliveryVia.MAIL: _PEOPLE, DeliveryVia.LINK: _PEOPLE, DeliveryVia.FOLDER: {"path"}, DeliveryVia.S3: {"path"}}
_OF_SOME_WAYS = ("to", "to_column", "to_dataset", "subject", "body", "attach", "url", "secret", "path", "rights")
_USUAL = DeliveryWish(via=DeliveryVia.LINK)


class DeliveryChecks:
    """`kept` gives wishes as they are stored: what is secret in them is sealed."""

    def __init__(self, *, carrying: Carrying, rules: DeliveryRules, seals: Seals) -> None:
        self._carrying = carrying
        self.rules = rules
        self._seals = seals

    def ways(self) -> list[DeliveryVia]:
        """What this server is set up for."""
        return [via for via in DeliveryVia if self._carrying.can(via)]

    def kept(self, wishes: Sequence[DeliveryWish], before: Sequence[DeliveryWish] = ()) -> list[DeliveryWish]:
        """Raises `InvalidInput`. Who leaves out an address that is a secret means that of `before` in its place."""
        if len(wishes) > MOST_WISHES:
            message = "Name at most {limit} ways at once."
            raise InvalidInput(
                errors=[FieldError(field="deliveries", message=message, parameters={"limit": MOST_WISHES})]
            )
        known = [*before, *([None] * len(wishes))]
        problems: list[FieldError] = []
        made = []
        for place, (wish, old) in enumerate(zip(wishes, known, strict=False)):
            try:
                wrong = list(self._problems(wish)) or (list(_strays(wish)) if wish != old else [])
                made.append(self._sealed(wish, old) if not wrong else wish)
            except InvalidInput as error:
                wrong = list(error.errors)
            problems += [_placed(each, place) for each in wrong]
        if problems:
            raise InvalidInput(errors=problems)
        return made

    def _problems(self, wish: DeliveryWish) -> Iterator[FieldError]:
        if not self._carrying.can(wish.via):
            message = "This server is not set up for that; an administrator can change its settings."
            yield FieldError(field="via", message=message)
            return
        yield from self._recipients(wish)
        yield from _texts(wish)
        if wish.via is DeliveryVia.FOLDER:
            try:
                self._carrying.require_folder(wish.path)
            except InvalidInput as error:
                yield from error.errors

    def _recipients(self, wish: DeliveryWish) -> Iterator[FieldError]:
        yield from _ways_to(wish)
        if wish.via in _ADDRESSED:
            yield from self._addresses(wish)

    def _addresses(self, wish: DeliveryWish) -> Iterator[FieldError]:
        if len(wish.to) > MOST_RECIPIENTS:
            message = "Name at most {limit} addresses; a list of your mail server may have more."
            yield FieldError(field="to", message=message, parameters={"limit": MOST_RECIPIENTS})
        if len({address.casefold() for address in wish.to}) < len(wish.to):
            yield FieldError(field="to", message="An address stands here twice.")
        if len(wish.to_column) > MOST_COLUMN or not wish.to_column.isprintable():
            yield FieldError(field="to_column", message="Write the name of one column.")
        if wish.to_column and wish.to_dataset:
            message = "Either a column of the rows or a dataset says who gets each report; leave one out."
            yield FieldError(field="to_dataset", message=message)
        for name in ("dataset", "key", "column"):
            if wish.to_dataset and not getattr(wish.to_dataset, name):
                yield FieldError(field=f"to_dataset.{name}", message="Name the dataset, its key and its column.")
        for problem in filter(None, map(self.rules.problem_of, wish.to)):
            yield _from_phrase("to", problem)

    def _sealed(self, wish: DeliveryWish, old: DeliveryWish | None) -> DeliveryWish:
        if wish.via not in CHANNELS:
            return wish
        if not (wish.sealed or wish.url) and old is not None and old.via is wish.via and wish.via is not DeliveryVia.S3:
            wish = msgspec.structs.replace(wish, sealed=old.sealed, host=old.host)
        known = self._seals.open(wish.sealed, ChannelTarget) if wish.sealed and not wish.url else None
        if wish.sealed and not wish.url and not (known and wish.secret):
            return wish
        if known is not None:  # the same place under another secret
            wish = msgspec.structs.replace(wish, url=known.url)
        target = ChannelTarget(via=channel_of(wish.via), url=wish.url, secret=wish.secret, path=wish.path)
        self._carrying.require_target(target)
        return msgspec.structs.replace(wish, url="", secret="", host=target.shown, sealed=self._seals.seal(target))


def _strays(wish: DeliveryWish) -> Iterator[FieldError]:
    """What its way has no use for: whoever wrote it takes it for said."""
    own = _OWN.get(wish.via, _POSTED)
    for name in _OF_SOME_WAYS:
        if name not in own and getattr(wish, name) != getattr(_USUAL, name):
            message = "By “{via}” there is no use for this; leave it out."
            yield FieldError(field=name, message=message, parameters={"via": wish.via.value})


def _ways_to(wish: DeliveryWish) -> Iterator[FieldError]:
    """Whether it says to whom, as far as that fits its way."""
    has_addresses = bool(wish.to or wish.to_column or wish.to_dataset)
    is_addressed = wish.via in _ADDRESSED
    if wish.rights is DeliveryRights.RECIPIENT and not (is_addressed and has_addresses):
        message = "Only who gets it by an address has rights of their own: name whom it goes to, by mail or link."
        yield FieldError(field="rights", message=message)
    if has_addresses and not is_addressed:
        yield FieldError(field="to", message="Only mail and links go to addresses; leave this out.")
    if wish.via is DeliveryVia.MAIL and not has_addresses:
        yield FieldError(field="to", message="Name an address, or the column that has them.")


def _texts(wish: DeliveryWish) -> Iterator[FieldError]:
    yield from line_problems(wish.subject, field="subject", most=MOST_SUBJECT)
    if len(wish.body) > MOST_BODY or not wish.body.replace("\n", "").replace("\t", "").isprintable():
        yield FieldError(field="body", message="Write at most 4,000 characters of plain text.")
    for name, text in (("subject", wish.subject), ("body", wish.body), ("path", wish.path)):
        unknown = [found for found in PLACEHOLDER.findall(text) if found not in PLACEHOLDERS]
        if unknown:
            message = "There is no “{name}” to fill in; there are {names}."
            parameters = {"name": unknown[0], "names": ", ".join(PLACEHOLDERS)}
            yield FieldError(field=name, message=message, parameters=parameters)


def parameters_named(wishes: Sequence[DeliveryWish]) -> dict[str, str]:
    """Parameters by whose values address books are looked into, by their field."""
    return {
        f"deliveries[{place}].to_dataset.parameter": wish.to_dataset.by
        for place, wish in enumerate(wishes)
        if wish.to_dataset
    }


def require_books(wishes: Sequence[DeliveryWish], found: Mapping[str, Version]) -> None:
    """Raises `InvalidInput` for a dataset that they may not see, or whose columns are called otherwise."""
    problems = []
    for place, wish in enumerate(wishes):
        if (book := wish.to_dataset) is None:
            continue
        version, field = found.get(book.dataset), f"deliveries[{place}].to_dataset"
        if version is None:
            problems.append(
                FieldError(
                    field=f"{field}.dataset",
                    message="There is no dataset named “{name}”.",
                    parameters={"name": book.dataset},
                )
            )
            continue
        names = [column.name for column in version.columns]
        problems += [
            FieldError(
                field=f"{field}.{part}",
                message="“{dataset}” has no column “{name}”; it has {names}.",
                parameters={"dataset": book.dataset, "name": name, "names": ", ".join(names[:_NAMED])},
            )
            for part, name in (("key", book.key), ("column", book.column))
            if name not in names
        ]
    if problems:
        raise InvalidInput(errors=problems)


def require_columns(wishes: Sequence[DeliveryWish], names: Collection[str] | None) -> None:
    """Raises `InvalidInput` for a column that no row of the parameters has; `names` is None where nobody knows yet."""
    if names is None:
        return
    problems = [
        FieldError(
            field=f"deliveries[{place}].to_column",
            message="“{name}” is no mail address, and the reports have no column of that name; they have {names}.",
            parameters={"name": wish.to_column, "names": ", ".join(list(names)[:_NAMED]) or "–"},
        )
        for place, wish in enumerate(wishes)
        if wish.to_column and wish.to_column not in names
    ]
    if problems:
        raise InvalidInput(errors=problems)


def book_versions(found: Mapping[str, Version]) -> dict[str, BookVersion]:
    return {
        name: BookVersion(dataset_id=version.dataset_id, version=version.number, files=version.files)
        for name, version in found.items()
    }


def _from_phrase(field: str, problem: Phrase) -> FieldError:
    parameters = problem["parameters"]
    assert isinstance(parameters, dict)
    return FieldError(field=field, message=str(problem["phrase"]), parameters=parameters)


def _placed(error: FieldError, place: int) -> FieldError:
    return FieldError(
        field=f"deliveries[{place}].{error.field}", message=error.message, parameters=dict(error.parameters)
    )
