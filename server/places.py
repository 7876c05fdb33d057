"""Where the files are that the server brings along: pages, translations, examples."""

from __future__ import annotations

import sys
from importlib.util import cache_from_source
from pathlib import Path

_SERVER = Path(__file__).parent
# An installed server has them inside its package, as setup.cfg maps them; in the source tree they stand beside it.
IN_SOURCE_TREE = not (_SERVER / "static").is_dir()
_FILES = _SERVER.parent if IN_SOURCE_TREE else _SERVER

DOCS = _FILES / "docs"
EXAMPLES = _FILES / "examples"
LOCALES = _FILES / "locales"
STATIC = _FILES / "static"
TEMPLATES = _FILES / "templates"

# Where Python keeps what it compiled; None where it shall not. Whoever can write there could change our modules, too.
COMPILED = None if sys.dont_write_bytecode else Path(cache_from_source(__file__)).parent / "jindu"
