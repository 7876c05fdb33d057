"""What a single value in a request may be, as types: what decodes it is what the OpenAPI document says of it.

Where an operation has the rule, with a message for people, the type only describes it (`extra_json_schema`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from server.auth.passwords import MAX_LENGTH as MAX_PASSWORD
from server.auth.passwords import MIN_LENGTH as MIN_PASSWORD
from server.datasets.dataset import NAME_PATTERN as DATASET_NAME
from server.jobs.keys import MAX_KEY_CHARACTERS
from server.live.subscriptions import FREE_NAME
from server.operations.account_fields import MAX_NAME
from server.reports.template_store import NAME_PATTERN as TEMPLATE_NAME

NO_NUL = r"^[^\x00]*$"
_NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]*$"
_USER_NAME = r"""^[^\x00-\x20\x7f-\xa0/\\<>"](?:[^\x00-\x1f\x7f-\xa0/\\<>"]*[^\x00-\x20\x7f-\xa0/\\<>"])?$"""


def described(**schema: Any) -> Meta:
    """Says what an operation demands; nothing is checked here."""
    return Meta(extra_json_schema=schema)


def named(pattern: str) -> Meta:
    """A text that is as a whole what `pattern` says."""
    return described(pattern=f"^(?:{pattern})$")


Limit = Annotated[int, Meta(ge=1, le=500)]
Cursor = Annotated[str, Meta(min_length=1, max_length=200)]
Id = Annotated[str, Meta(pattern="^[0-9a-hjkmnp-tv-z]{26}$", max_length=26)]  # as `clock.new_id` makes them
DigitText = Annotated[str, Meta(pattern="^[0-9]{1,18}$", max_length=18)]
Moment = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=0, le=2**53)]  # what a browser counts exactly
# Fractions too. One more than the most is exact as well, so that what is too much is not rounded to what is not.
Quantity = Annotated[float, Meta(ge=0, le=2**53 - 1)]

UserName = Annotated[str, described(minLength=1, maxLength=MAX_NAME, pattern=_USER_NAME)]
NewPassword = Annotated[str, described(minLength=MIN_PASSWORD, maxLength=MAX_PASSWORD, pattern=_NO_CONTROLS)]
LanguageTag = Annotated[str, described(pattern="^[a-z]{2,3}(?:-[A-Za-z0-9]{1,8})*$")]
TimeZone = Annotated[str, described(pattern="^[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*$", examples=["Asia/Shanghai"])]
DatasetName = Annotated[str, named(DATASET_NAME)]
AnyName = Annotated[str, Meta(min_length=1)]  # of what need not be there
TemplateName = Annotated[str, named(TEMPLATE_NAME)]
FreeEventName = Annotated[str, named(FREE_NAME.pattern)]
KEY_SCHEMA = {"minLength": 1, "maxLength": MAX_KEY_CHARACTERS, "pattern": "^[!-~](?:[ -~]*[!-~])?$"}


def line(most: int, *, least: int = 0) -> Meta:
    """One line of text."""
    return described(minLength=least, maxLength=most, pattern=_NO_CONTROLS)
