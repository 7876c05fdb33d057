"""The certificate of a server that speaks TLS itself, renewed while it runs."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from pathlib import Path

from server.care.certificates import key_beside
from server.errors import ConfigurationError

_LOG = logging.getLogger("jindu")
_LOOKS_APART_SECONDS = 10.0
# For TLS 1.2: with forward secrecy and authenticated encryption, as all of TLS 1.3 is.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_State = tuple[tuple[int, int, int], ...]


class Certificate:
    """`context` is that of the files as they were last whole; who is connected keeps the one they came with."""

    def __init__(self, certificate: Path, key: Path | None, *, protocol: str = "http/1.1") -> None:
        """Of a server that speaks `protocol` (its name in ALPN). Raises `ConfigurationError` when it cannot be used."""
        self._certificate = certificate
        self._protocol = protocol
        self._key = key_beside(certificate, key)
        self._state = self._look()
        self.context = self._load()

    async def watch(self, *, every: float = _LOOKS_APART_SECONDS) -> None:
        """Until cancelled. The files themselves are looked at, through links: tools that renew swap either."""
        while True:
            await asyncio.sleep(every)
            await asyncio.to_thread(self.renew)

    def renew(self) -> None:
        """Take the files if they are others than before; if they do not fit together, what was good stays."""
        state = self._look()
        if state == self._state:
            return
        self._state = state
        try:
            self.context = self._load()
        except ConfigurationError as error:
            _LOG.error("the certificate is still the old one: %s", error.text, extra={"action": "certificate"})
        else:
            _LOG.info("took the renewed certificate %s", self._certificate, extra={"action": "certificate"})

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        context.set_ciphers(_CIPHERS)
        context.set_alpn_protocols([self._protocol])
        try:
            context.load_cert_chain(self._certificate, self._key, password=_no_password)
        except ssl.SSLError as error:
            raise ConfigurationError(
                "{certificate} and {key} cannot be used for TLS: {reason}. Both are PEM files, the certificate with "
                "its chain, the key without a password.",
                certificate=str(self._certificate),
                key=str(self._key),
                reason=error.reason or str(error),
            ) from error
        except OSError as error:
            raise ConfigurationError(
                "{path} cannot be read: {reason}. See that it is there and that the server's user may read it.",
                path=_unreadable(self._certificate, self._key),
                reason=error.strerror or str(error),
            ) from error
        return context

    def _look(self) -> _State:
        return tuple(_state_of(path) for path in (self._certificate, self._key))


def _state_of(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def _unreadable(*paths: Path) -> str:
    return str(next((path for path in paths if not os.access(path, os.R_OK)), paths[0]))


def _no_password() -> str:
    """Else OpenSSL asks at the terminal."""
    return ""
