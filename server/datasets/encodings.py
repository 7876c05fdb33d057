"""The encodings that text files may be in, by the names people know them by."""

from __future__ import annotations

import codecs
import re

from server.errors import InvalidInput

_CODEC_NAME = re.compile(r"[a-z0-9][a-z0-9_.: -]{0,39}")
# Encodings of text files, as Python calls them.
OF_FILES = frozenset(
    {
        "utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "ascii",
        "gb18030", "hz", "big5", "big5hkscs", "cp950", "shift_jis", "shift_jis_2004", "shift_jisx0213", "cp932",
        "euc_jp", "euc_jis_2004", "euc_jisx0213", "iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_3",
        "iso2022_jp_ext", "iso2022_kr", "euc_kr", "cp949", "johab", "koi8-r", "koi8-u", "koi8-t",
        "kz1048", "ptcp154", "tis-620", "cp874",
        *(f"iso8859-{part}" for part in range(1, 17) if part != 12),
        *(f"cp125{page}" for page in range(9)),
        *(f"cp{page}" for page in (437, 720, 737, 775, 850, 852, 855, 857, 858, *range(860, 867), 869)),
        "mac-roman", "mac-latin2", "mac-cyrillic", "mac-greek", "mac-turkish", "mac-iceland", "mac-croatian",
        "mac-romanian",
    }
)  # fmt: skip


def known_codec(name: str) -> str:
    """What Python calls it. Raises `InvalidInput`."""
    aliases = {"utf-8-sig": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "ansi": "gb18030"}
    wanted = name.strip().lower()
    try:
        # Python has codecs of other things as well: base64, punycode, escapes, zip.
        codec = codecs.lookup(aliases.get(wanted, wanted)).name if _CODEC_NAME.fullmatch(wanted) else ""
    except LookupError:
        codec = ""
    codec = aliases.get(codec, codec)
    if codec not in OF_FILES:
        raise InvalidInput("There is no encoding named “{name}”.", code="unknown_encoding", name=name)
    return codec
