"""What kind of file it is, by its first bytes and never by its name."""

from __future__ import annotations

import re
from pathlib import Path

from server.datasets.ipc_source import FILE_MARK, STREAM_MARK
from server.datasets.json_source import begins_json
from server.datasets.text_encoding import find_encoding
from server.errors import FileProblem

_HEAD_BYTES = 65536
_ZIP, _OLE = (b"PK\x03\x04", b"PK\x05\x06"), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PACKED = ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"))
# What people upload by mistake, by its first bytes.
_OTHER_FILES = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"RIFF", "a sound, film or image"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
    (b"7z\xbc\xaf", "an archive; unpack it"),
    (b"Rar!", "an archive; unpack it"),
    (b"SQLite format 3", "a database"),
    (b"\x00\x01\x00\x00Standard", "a database"),
    (b"PARE", "encrypted Parquet"),
    (b"FEA1", "an old Feather file (version 1); write it again as Parquet"),
    (b"ORC", "an ORC file; write it again as Parquet"),
    (b"Obj\x01", "an Avro file; write it again as Parquet"),
)
_NOT_A_TABLE = "The file is {kind}, not a table. Upload a CSV, Excel, JSON lines or Parquet file."
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
    for start, kind in ((b"PAR1", "parquet"), (FILE_MARK, "arrow"), (_OLE, "ole"), *((mark, "zip") for mark in _ZIP)):
        if head.startswith(start):
            return kind
    if head.startswith(STREAM_MARK) and len(head) > 8 and head[6:8] == b"\0\0":  # a short length, in little endian
        return "arrow"
    for start, kind in _PACKED:
        if head.startswith(start):
            return kind
    for start, kind in _OTHER_FILES:
        if head.startswith(start):
            raise FileProblem(_NOT_A_TABLE, code="not_a_table", kind=kind)
    return _text_kind(_decoded(path, head))


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
            raise FileProblem(_NOT_A_TABLE, code="not_a_table", kind="XML")
    if text.startswith("{\\rtf"):
        raise FileProblem(_NOT_A_TABLE, code="not_a_table", kind="a text document (RTF)")
    return "json" if begins_json(text) else "text"
