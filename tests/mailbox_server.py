"""A mailbox over IMAP, as far as it is read here: what lies in it, and what was marked as read."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class MailboxServer:
    """`mails` by their ids; `seen` are those that were marked. `wrong` are ids that it cannot hand out."""

    mails: dict[int, bytes] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    wrong: set[int] = field(default_factory=set)
    password: str = "right"
    bearer: str = ""  # the token that it takes
    asked: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def listening(self, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        while line := await reader.readline():
            tag, _, command = line.decode().strip().partition(" ")
            self.asked.append(command)
            if command == "AUTHENTICATE XOAUTH2":
                await self._let_in(tag, reader, writer)
                continue
            writer.write(self._answer(command) + f"{tag} {self._end(command)}\r\n".encode())
            if command == "LOGOUT":
                break
        writer.close()

    async def _let_in(self, tag: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+ \r\n")
        shown = base64.b64decode(await reader.readline()).decode()
        self.asked.append(shown)
        if f"auth=Bearer {self.bearer}\x01" in shown:
            writer.write(f"{tag} OK in\r\n".encode())
            return
        writer.write(b"+ " + base64.b64encode(b'{"status":"400"}') + b"\r\n")
        await reader.readline()
        writer.write(f"{tag} NO no such token\r\n".encode())

    def _answer(self, command: str) -> bytes:
        if command == "CAPABILITY":
            return b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n"
        if command == "LOGOUT":
            return b"* BYE\r\n"
        if command.startswith("SELECT"):
            return b"* %d EXISTS\r\n" % len(self.mails)
        if command == "UID SEARCH UNSEEN":
            unread = " ".join(str(number) for number in self.mails if number not in self.seen)
            return f"* SEARCH {unread}\r\n".encode()
        if found := re.fullmatch(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", command):
            number = int(found[1])
            raw = self.mails[number][: int(found[2])]
            head = b"* %d FETCH (UID %d BODY[]<0> {%d}\r\n" % (number, number, len(raw))
            return b"" if number in self.wrong else head + raw + b")\r\n"
        if found := re.fullmatch(r"UID STORE (\d+) \+FLAGS\.SILENT \(\\Seen\)", command):
            self.seen.add(int(found[1]))
        return b""

    def _end(self, command: str) -> str:
        if command.startswith("LOGIN") and not command.endswith(f'"{self.password}"'):
            return "NO wrong password"
        number = re.match(r"UID FETCH (\d+)", command)
        return "NO cannot" if number and int(number[1]) in self.wrong else "OK done"
