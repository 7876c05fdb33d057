"""Templates as they were compiled at an earlier start: kept where Python keeps what it compiled, and as trusted."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket

_LOG = logging.getLogger("jindu.http")


class KeptTemplates(jinja2.FileSystemBytecodeCache):
    """Jinja notices by itself a source that changed, and another Python."""

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            super().load_bytecode(bucket)
        except Exception as error:  # of a file that was cut: whatever unpickling it raises
            _LOG.debug("a compiled template cannot be read: %r", error, extra={"action": "templates"})
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        try:
            super().dump_bytecode(bucket)
        except OSError as error:
            _LOG.debug("a compiled template is not kept: %s", error, extra={"action": "templates"})


def kept_templates(directory: Path | None) -> KeptTemplates | None:
    """None where nothing can be kept: each start compiles anew what it shows."""
    if directory is None:
        return None
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:  # installed by somebody else
        return None
    return KeptTemplates(str(directory), f"template-{_HOW}-%s")


# What is compiled calls what this version of Jinja has, in the ways that `setup_templates` sets.
_WAYS = jinja2.__version__.encode() + Path(__file__).with_name("context.py").read_bytes()
_HOW = hashlib.sha256(_WAYS).hexdigest()[:16]
