"""The key that encrypts the session cookie: from the settings, or made once and kept in the data directory."""

from __future__ import annotations

import hashlib
import hmac
import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

from server.errors import ConfigurationError

FILE_NAME = "secret.key"


def load_key(given: str, directory: Path) -> Fernet:
    """Raises `ConfigurationError` for a key that is no Fernet key or that stands in some documentation."""
    if given:
        return _key(given, "The setting secret_key")
    path = directory / FILE_NAME
    if not path.exists():
        _make(path)
    return _key(path.read_text("ascii", "replace").strip(), str(path))


def fingerprint(given: str, directory: Path) -> str:
    """Tells one key from another, and nothing of either. Of the key that `load_key` takes, which is there by now."""
    text = given or (directory / FILE_NAME).read_text("ascii", "replace").strip()
    return hmac.digest(text.encode(), b"which secret key a node has", hashlib.sha256).hex()[:32]


def _key(text: str, source: str) -> Fernet:
    try:
        key = Fernet(text)
    except (ValueError, UnicodeEncodeError) as error:
        raise ConfigurationError(
            "{source} is not a key (32 random bytes in base 64). Where several nodes share a database, write the key "
            "that the others have; where there is but one, remove it and one is made for you.",
            source=source,
        ) from error
    if len(set(text.rstrip("="))) < 10:  # 43 random characters never have so few different ones
        raise ConfigurationError(
            "{source} is a placeholder. Where several nodes share a database, write the key that the others have; "
            "where there is but one, remove it and one is made for you.",
            source=source,
        )
    return key


def _make(path: Path) -> None:
    """Whole or not at all, readable by us alone; when two servers start at once, both use the first one's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(temporary)
