"""A process gives up what it does not need, for good: files, other programs, the network. Linux (landlock(7), setrlimit(2)).

What decodes a camera's pictures reads what a stranger sends with much code that is not ours. Whoever takes it over finds a
process that holds no key and can open nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import struct
from pathlib import Path
from typing import Final

_LIBRARY: Final = ctypes.CDLL(None, use_errno=True)
_PR_SET_NO_NEW_PRIVS: Final = 38
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_VERSION: Final = 1
_FILES: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights about files each version of landlock knows."""
_NETWORK_SINCE: Final = 4
MEMORY_BYTES: Final = 2 * 1024**3


def confine() -> bool:
    """Take it all away; whether the kernel helped with files. Call it when everything that is needed is open and imported."""
    with contextlib.suppress(OSError):  # where memory ends, this process goes first, and no recorder
        Path("/proc/self/oom_score_adj").write_text("1000")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _LIBRARY.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    version = _LIBRARY.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    if version < 1:
        return False
    files = (1 << _FILES.get(version, _FILES[5])) - 1
    network = 0b11 if version >= _NETWORK_SINCE else 0
    attributes = struct.pack("=QQ", files, network)[: 16 if network else 8]
    ruleset = _LIBRARY.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return False
    try:
        return bool(_LIBRARY.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)
