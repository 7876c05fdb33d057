"""What rows that sum others are called, in the languages of those who write tables."""

from __future__ import annotations

import re

_WORDS = (
    "all\\b|grand *-? *total|sub-? ?total|total|overall|sum|summe|gesamt|zwischensumme|endsumme|endbetrag|ergebnis|"
    "somme|sous-? ?total|ensemble|totale|subtotale|somma|suma|totaal|subtotaal|eindtotaal|som|"
    "razem|ogółem|łącznie|podsumowanie|celkem|celkom|součet|mezisoučet|spolu|súčet|összesen|végösszeg|részösszeg|"
    "toplam|genel toplam|ara toplam|yhteensä|summa|delsumma|totalt|i alt|ialt|delsum|samtals|ukupno|skupaj|kokku|"
    "kopā|iš viso|viso|jumlah|"
    "σύνολο|συνολο|γενικό σύνολο|итог|всего|сумма|разом|усього|всього|підсумок|підсумки|общо|сума|укупно|"
    'סך הכל|סה"כ|סה״כ|סהכ|إجمالي|الإجمالي|اجمالي|الاجمالي|المجموع|مجموع|جمع|कुल|योग|जोड़|'
    "รวม|ยอดรวม|tổng|cộng|총계|합계|소계|총합|누계"
)
_BLANK = "[\\s\u00a0\u3000]*"  # written within Chinese words to make them wide
_HAN = (
    "[合小总總累共]\1[计計]|总\1和|總\1和|总\1额|總\1額|汇总|匯總|総\1計|"
    "(?:本[页頁期日月季年]|当[日月年]|全[部年月])\1(?:[合小总總累]\1[计計]|总额|總額)"
).replace("\1", _BLANK)
_MARKS = "^[\\s\u00a0\u3000*#>∑Σ=-]*"
_AT_END = "[\\s\u00a0\u3000:：.]*$"
_BEGINS = f"{_MARKS}(?i:{_WORDS}|{_HAN})"
_ENDS = f"(?:\\s(?i:{_WORDS})|(?:{_HAN})){_AT_END}"  # `North Total`, `华东 汇总`
_MARK_ALONE = f"^\\s*(?:\\*+|[∑Σ计計계]){_AT_END}"

# Also for RE2, which Arrow uses.
LIKE_A_TOTAL = f"{_BEGINS}|{_ENDS}|{_MARK_ALONE}"
_LIKE_A_TOTAL = re.compile(LIKE_A_TOTAL)
_NOTHING_ELSE = re.compile(f"(?:{_MARKS}(?i:{_WORDS}|{_HAN}){_AT_END})|{_MARK_ALONE}")


def is_like_a_total(cell: str) -> bool:
    """Whether a cell begins or ends like the name of a total; that the figures beside it are sums decides."""
    return _LIKE_A_TOTAL.search(cell) is not None


def is_name_of_total(cell: str) -> bool:
    """Whether it is that name and nothing else."""
    return _NOTHING_ELSE.match(cell) is not None
