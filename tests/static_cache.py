"""Where servers of tests keep scripts and style sheets packed: once, not for each of hundreds of servers."""

import os
import tempfile
from pathlib import Path

STATIC_CACHE = Path(tempfile.gettempdir()) / f"jindu-tests-static-{os.getuid()}"
