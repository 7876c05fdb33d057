"""Why an engine does not answer, in its own words: people get none of that, whoever runs the server needs it."""

from __future__ import annotations

import re

from server.errors import JinduError

_OF_A_STORE = re.compile(r"<Code>(.*?)</Code>\s*<Message>(.*?)</Message>", re.DOTALL)


def with_cause(error: JinduError) -> str:
    """What it says, and the first line of what stands behind it."""
    cause = error.__cause__
    if cause is None:
        return error.text
    words = str(getattr(cause, "orig", None) or cause)
    found = _OF_A_STORE.search(words)
    told = ": ".join(found.groups()) if found else words.partition("\n")[0]
    return f"{error.text} The reason: {told.rstrip('.')}." if told else error.text
