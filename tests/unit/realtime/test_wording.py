"""One message in several languages."""

from __future__ import annotations

import msgspec

from server.realtime import codec, protocol
from server.realtime.wording import Wording


def test_the_offset_stands_where_the_struct_would_have_put_it() -> None:
    fields = {"timestamp": "t", "title": "One, “two”", "body": "", "level": "info", "url": ""}
    wording = Wording(lambda language: protocol.Notification(**fields))  # type: ignore[arg-type]
    whole = protocol.Notification(**fields, offset=7)  # type: ignore[arg-type]
    assert wording.frame("en", 7) == codec.encode(whole)
    assert msgspec.json.decode(wording.frame("en")).get("offset") is None


def test_each_language_is_written_once() -> None:
    asked: list[str] = []

    def write(language: str) -> dict[str, str]:
        asked.append(language)
        return {"type": "event", "data": language}

    wording = Wording(write)
    frames = [wording.frame(language) for language in ("en", "zh-CN", "en", "en")]
    assert asked == ["en", "zh-CN"]
    assert frames[0] == frames[2] != frames[1]
