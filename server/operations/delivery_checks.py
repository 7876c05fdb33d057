"""Whether what somebody wants delivered can be: said while it is ordered, field by field, not when it should arrive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from server.auth.seals import Seals
from server.deliveries.carrying import CHANNELS, Carrying, channel_of
from server.deliveries.planning import DeliveryRules
from server.deliveries.writing import PLACEHOLDERS
from server.delivery.messages import ChannelTarget
from server.delivery.wishes import MOST_RECIPIENTS, MOST_WISHES, PLACEHOLDER, DeliveryRights, DeliveryVia, DeliveryWish
from server.errors import FieldError, InvalidInput
from server.texts import Phrase

MOST_SUBJECT, MOST_BODY, MOST_COLUMN = 300, 4_000, 200
_ADDRESSED = frozenset({DeliveryVia.MAIL, DeliveryVia.LINK})


class DeliveryChecks:
    """`kept` gives wishes as they are stored: what is secret in them is sealed."""

    def __init__(self, *, carrying: Carrying, rules: DeliveryRules, seals: Seals) -> None:
        self._carrying = carrying
        self._rules = rules
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
                wrong = list(self._problems(wish))
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
        is_named = wish.via in _ADDRESSED and bool(wish.to or wish.to_column)
        if wish.rights is DeliveryRights.RECIPIENT and not is_named:
            message = "Only who gets it by an address has rights of their own: name whom it goes to, by mail or link."
            yield FieldError(field="rights", message=message)
        if wish.via not in _ADDRESSED:
            if wish.to or wish.to_column:
                yield FieldError(field="to", message="Only mail and links go to addresses; leave this out.")
            return
        if wish.via is DeliveryVia.MAIL and not wish.to and not wish.to_column:
            yield FieldError(field="to", message="Name an address, or the column that has them.")
        if len(wish.to) > MOST_RECIPIENTS:
            message = "Name at most {limit} addresses; a list of your mail server may have more."
            yield FieldError(field="to", message=message, parameters={"limit": MOST_RECIPIENTS})
        if len({address.casefold() for address in wish.to}) < len(wish.to):
            yield FieldError(field="to", message="An address stands here twice.")
        if len(wish.to_column) > MOST_COLUMN or not wish.to_column.isprintable():
            yield FieldError(field="to_column", message="Write the name of one column.")
        for problem in filter(None, map(self._rules.problem_of, wish.to)):
            yield _from_phrase("to", problem)

    def _sealed(self, wish: DeliveryWish, old: DeliveryWish | None) -> DeliveryWish:
        if wish.via not in CHANNELS or wish.sealed:
            return wish
        if not wish.url and old is not None and old.via is wish.via and old.sealed and wish.via is not DeliveryVia.S3:
            return msgspec.structs.replace(wish, sealed=old.sealed, host=old.host)
        target = ChannelTarget(via=channel_of(wish.via), url=wish.url, secret=wish.secret, path=wish.path)
        self._carrying.require_target(target)
        return msgspec.structs.replace(wish, url="", secret="", host=target.shown, sealed=self._seals.seal(target))


def _texts(wish: DeliveryWish) -> Iterator[FieldError]:
    if len(wish.subject) > MOST_SUBJECT or not wish.subject.isprintable():
        yield FieldError(field="subject", message="Write one line of at most 300 characters.")
    if len(wish.body) > MOST_BODY or not wish.body.replace("\n", "").replace("\t", "").isprintable():
        yield FieldError(field="body", message="Write at most 4,000 characters of plain text.")
    for name, text in (("subject", wish.subject), ("body", wish.body), ("path", wish.path)):
        unknown = [found for found in PLACEHOLDER.findall(text) if found not in PLACEHOLDERS]
        if unknown:
            message = "There is no “{name}” to fill in; there are {names}."
            parameters = {"name": unknown[0], "names": ", ".join(PLACEHOLDERS)}
            yield FieldError(field=name, message=message, parameters=parameters)


def _from_phrase(field: str, problem: Phrase) -> FieldError:
    parameters = problem["parameters"]
    assert isinstance(parameters, dict)
    return FieldError(field=field, message=str(problem["phrase"]), parameters=parameters)


def _placed(error: FieldError, place: int) -> FieldError:
    return FieldError(
        field=f"deliveries[{place}].{error.field}", message=error.message, parameters=dict(error.parameters)
    )
