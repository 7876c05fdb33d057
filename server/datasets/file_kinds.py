"""What kind of file it is, by its first bytes and never by its name."""

from __future__ import annotations

import re
from pathlib import Path

from server.datasets.ipc_source import FILE_MARK, STREAM_MARK
from server.datasets.json_file import begins_json
from server.datasets.text_encoding import find_encoding
from server.errors import FileProblem
from server.texts import Phrase, phrase

_HEAD_BYTES = 65536
_ZIP, _OLE = (b"PK\x03\x04", b"PK\x05\x06"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PACKED = ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))
_AS_CSV, _AS_PARQUET = phrase("export the table as CSV"), phrase("write it again as Parquet")
_UNPACKED = phrase("unpack it and upload the file in it")
_IMAGE, _PROGRAM = phrase("an image"), phrase("a program")
_ARCHIVE, _DATABASE = phrase("an archive"), phrase("a database")
# What people upload by mistake, by its first bytes, and what to do instead.
_OTHER_FILES: tuple[tuple[bytes, Phrase, Phrase], ...] = (
    (b"%PDF", phrase("a PDF"), phrase("ask whoever made it for the table itself")),
    (b"\x89PNG", _IMAGE, _AS_CSV),
    (b"\xff\xd8\xff", _IMAGE, _AS_CSV),
    (b"GIF8", _IMAGE, _AS_CSV),
    (b"RIFF", phrase("a sound, film or image"), _AS_CSV),
    (b"MZ", _PROGRAM, _AS_CSV),
    (b"\x7fELF", _PROGRAM, _AS_CSV),
    (b"7z\xbc\xaf", _ARCHIVE, _UNPACKED),
    (b"Rar!", _ARCHIVE, _UNPACKED),
    (b"SQLite format 3", _DATABASE, _AS_CSV),
    (b"\x00\x01\x00\x00Standard", _DATABASE, _AS_CSV),
    (b"PARE", phrase("encrypted Parquet"), phrase("write it again without encryption")),
    (b"FEA1", phrase("an old Feather file (version 1)"), _AS_PARQUET),
    (b"ORC", phrase("an ORC file"), _AS_PARQUET),
    (b"Obj\x01", phrase("an Avro file"), _AS_PARQUET),
)
# Programs whose text holds data, and looks like a table here and there.
_PROGRAM_TEXTS: tuple[tuple[re.Pattern[str], Phrase, Phrase], ...] = (
    (
        re.compile(
            r"(?:(?:(?:var|let|const)\s+)?[\w$.]+\s*=|export\s+default|[\w$.]+\()\s*"
            r"(?:\[\s*[\[{\]]|\{\s*[\"}])"
        ),
        phrase("JavaScript"),
        phrase("save the data in it as JSON"),
    ),
    (
        re.compile(
            r"(?:--[^\n]*+\n|/\*(?:[^*]|\*(?!/))*+\*/;?|(?:SET|BEGIN|START|PRAGMA|DROP|USE|LOCK)\b[^;\n]*+;|\s)*+"
            r"(?:CREATE\s+TABLE|INSERT\s+INTO)\b",
            re.IGNORECASE,
        ),
        phrase("a dump of a database (SQL)"),
        _AS_CSV,
    ),
)
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body|meta|table|style|div|center|font)\b", re.IGNORECASE)
_XML_SHEET = "urn:schemas-microsoft-com:office:spreadsheet"


def file_kind(path: Path) -> str:
    """parquet, arrow, zip, ole (old Excel, and encrypted new), gzip, bzip2, xz, zstd, html, xml_sheet, json or text.

    Raises `FileProblem` for anything else, and for nothing at all.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if not head.strip(b" \t\r\n\0\xef\xbb\xbf"):
        raise FileProblem("The file is empty.", code="empty_file")
    for start, name in ((b"PAR1", "parquet"), (FILE_MARK, "arrow"), (_OLE, "ole"), *((mark, "zip") for mark in _ZIP)):
        if head.startswith(start):
            return name
    if head.startswith(STREAM_MARK) and len(head) > 8 and head[6:8] == b"\0\0":  # a short length, in little endian
        return "arrow"
    for start, name in _PACKED:
        if head.startswith(start):
            return name
    for start, kind, advice in _OTHER_FILES:
        if head.startswith(start):
            raise not_a_table(kind, advice)
    return _text_kind(_decoded(path, head))


def not_a_table(kind: Phrase, advice: Phrase = _AS_CSV) -> FileProblem:
    """`kind` is what it is, with its article; `advice` what to do, without a full stop."""
    message = "The file is {kind}, not a table; {advice}. Tables are read from CSV, Excel, JSON, Parquet and others."
    return FileProblem(message, code="not_a_table", kind=kind, advice=advice)


def _decoded(path: Path, head: bytes) -> str:
    has_mark = head.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"))
    name = find_encoding(path, whole=False).name if has_mark or b"\0" in head else "utf-8"
    return head.decode(name, "replace").lstrip("\ufeff \t\r\n")


def _text_kind(text: str) -> str:
    if text.startswith("<"):
        beginning = text[:4000]
        if _XML_SHEET in beginning:
            return "xml_sheet"
        if _HTML.search(beginning):
            return "html"
        if beginning.lower().startswith("<?xml"):
            raise not_a_table(phrase("XML"), _AS_CSV)
    if text.startswith("{\\rtf"):
        raise not_a_table(phrase("a text document (RTF)"), _AS_CSV)
    for pattern, kind, advice in _PROGRAM_TEXTS:
        if pattern.match(text):
            raise not_a_table(kind, advice)
    return "json" if begins_json(text) else "text"
