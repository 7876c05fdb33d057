"""How much a script may say of its job at once: the one place; the client in `jindu/limits.py` cuts to the same."""

TITLE_CHARACTERS = 300
UNIT_CHARACTERS = 32
STAGE_CHARACTERS = 64
MESSAGE_CHARACTERS = 500
ERROR_CHARACTERS = 2_000
DETAIL_BYTES = 4 * 1024  # every message to every open page carries it
RESULT_BYTES = 32 * 1024

DETAIL_VALUES, DETAIL_BYTES_IN_ALL = 50, 8 * 1024  # of what was said one after the other
