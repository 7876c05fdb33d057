"""Lines that are drawn and say nothing: `-----`, `****,****`, `├────┼────┤`."""

from __future__ import annotations

from collections.abc import Sequence

BOX_RULES = "─━═┄┅┈┉╌╍├┼┤┌┬┐└┴┘┏┳┓┗┻┛┣╋┫┡╇┩┢╈┪╔╦╗╚╩╝╠╬╣╞╪╡╒╤╕╘╧╛╭╮╰╯╟╫╢╓╥╖╙╨╜"
RULES = ("-", "=", "_", "*", "＊", "─", "━", "═", "—")  # of which a line may consist in each of its cells
LEAST = 3  # characters; `--` stands for nothing in many a table
_LINE = frozenset("-=+_*＊—") | frozenset(BOX_RULES)


def is_rule_row(cells: Sequence[str]) -> bool:
    """Whether each of two cells or more is a line; one alone may be the text of a column."""
    if len(cells) < 2 or cells[0].strip()[:1] not in RULES:
        return False
    texts = [cell.strip() for cell in cells]
    return all(len(text) >= LEAST and text[0] in RULES and text == text[0] * len(text) for text in texts)


def is_rule_line(line: str) -> bool:
    """Whether a line of aligned text is drawn, in one piece or one above each column."""
    text = line.strip()
    return text[:LEAST] == text[:1] * LEAST and set(text) <= _LINE | {" "}
