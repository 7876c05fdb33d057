"""How much the server takes of what a script says; a test compares it with what the server says of itself."""

from __future__ import annotations

TITLE_CHARACTERS = 300
UNIT_CHARACTERS = 32
STAGE_CHARACTERS = 64
MESSAGE_CHARACTERS = 500
ERROR_CHARACTERS = 2_000
DETAIL_BYTES = 4 * 1024  # as JSON in UTF-8
DETAIL_VALUES = 50
RESULT_BYTES = 32 * 1024
LARGEST_NUMBER = 2**53 - 1

# The server has no opinion on these: so much of a single value leaves room for its neighbours.
NAME_CHARACTERS = 32
DETAIL_VALUE_CHARACTERS = 200
RESULT_VALUE_CHARACTERS = 4_000
