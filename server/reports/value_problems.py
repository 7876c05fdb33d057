"""What Python says of values that do not go together, as the author of a template can mend it."""

from __future__ import annotations

import re

from server.texts import Phrase, phrase

_OPERANDS = re.compile(
    r"unsupported operand type\(s\) for (?P<sign>\S+?)(?: or pow\(\))?: '(?P<one>.+)' and '(?P<other>.+)'"
)
_COMPARED = re.compile(r"'(?P<sign>.+)' not supported between instances of '(?P<one>.+)' and '(?P<other>.+)'")
_JOINED = re.compile(r'can only concatenate (?P<one>\w+) \(not "(?P<other>\w+)"\)')
_CALLED = re.compile(
    r"(?:.*\.)?(?P<name>\w+)\(\) (?:takes|missing|got|expected)|(?P<native>\w+) expected (?:at|exactly|\d)"
)
_NO_PART = re.compile(r"object has no element (?P<number>-?\d+)")
_NO_ATTRIBUTE = re.compile(r"'(?P<owner>[^']*)' has no attribute '(?P<name>.+)'")
_REFUSED = tuple(
    (re.compile(pattern), told)
    for pattern, told in (
        (r"ranges larger than \w+ \((?P<limit>\d+)\)", phrase("a range has at most {limit} numbers")),
        ("a text became too long", phrase("a text became too long")),
        ("a number became too long", phrase("a number became too long")),
        ("a list became too long", phrase("a list became too long")),
        ("texts and lists cannot be multiplied", phrase("texts and lists cannot be multiplied")),
        ("texts cannot be formatted", phrase("texts cannot be formatted with %")),
        (r"round takes at most (?P<limit>\d+)", phrase("round takes at most {limit} decimals")),
        (r"take a whole number from 1 to (?P<limit>\d+)", phrase("batch and slice take a number from 1 to {limit}")),
        (r"(?P<name>\w+) is a function, not", phrase("“{name}” is a function, not a value; call it")),
        ("goes through values", phrase("this goes through values one by one; add “| list”, or name a column")),
        (r"access to attribute '(?P<name>\w+)'", phrase("“{name}” is no part of a value for templates to use")),
    )
)
_TYPES = {
    **dict.fromkeys(("int", "float", "Decimal", "decimal.Decimal"), phrase("a number")),
    "str": phrase("a text"),
    "bool": phrase("a truth"),
    **dict.fromkeys(("date", "datetime.date"), phrase("a day")),
    **dict.fromkeys(("datetime", "datetime.datetime"), phrase("a moment")),
    **dict.fromkeys(("timedelta", "datetime.timedelta"), phrase("a duration")),
    **dict.fromkeys(("list", "ToldList", "tuple"), phrase("a list")),
    **dict.fromkeys(("Rows", "LazyRows"), phrase("the rows of a query")),
    "QueryRow": phrase("a row"),
}
_ONE = phrase("Each value here is one, not several: write “for row in q” and row.region.")
_MISSING = phrase("A value is missing; guard it with “| default(0, true)”, or with coalesce(…, 0) in the query.")


def value_problem(said: str) -> Phrase | None:
    """Of a TypeError; None for what nobody has words for."""
    if found := _OPERANDS.search(said) or _COMPARED.search(said) or _JOINED.search(said):
        kinds = (found["one"], found["other"])
        if "NoneType" in kinds:
            return _MISSING
        sign = found.groupdict().get("sign") or "+"
        return phrase(
            "“{sign}” is not possible with {one} and {other}. Texts are joined with “~”; numbers are made of them in "
            "the query, for example by try_cast(… as double).",
            sign=sign,
            one=_TYPES.get(kinds[0], kinds[0]),
            other=_TYPES.get(kinds[1], kinds[1]),
        )
    if "cannot unpack" in said:
        return _ONE
    if "object is not callable" in said:
        return phrase("What stands before the brackets is no function; columns are written without them.")
    if "__round__" in said:
        return phrase("Only numbers can be rounded.")
    if "NoneType" in said or said.startswith("'None' has no"):
        return _MISSING
    if found := _CALLED.match(said):
        name = found["name"] or found["native"]
        return phrase("“{name}” is given too many values, too few, or one that it does not know.", name=name)
    return None


def missing_problem(said: str) -> Phrase | None:
    """Of what is not there: a row, a part of a value, or a second value where a loop names two."""
    if "values to unpack" in said:
        return _ONE
    if found := _NO_PART.search(said):
        return phrase("There is no row {number}; the first is 0.", number=int(found["number"]))
    if "sequence was empty" in said:
        return phrase("There is no row; guard it, for example by “if q | length”.")
    if "'None' has no" in said:
        return _MISSING
    if found := _NO_ATTRIBUTE.search(said):
        return phrase("A value has no part “{name}”.", name=found["name"])
    return None


def refusal(said: str) -> Phrase | None:
    """What the sandbox does not allow; None for what nobody has words for."""
    for pattern, told in _REFUSED:
        if found := pattern.search(said):
            return told | {"parameters": found.groupdict()}
    return None
