"""Runs a program under the system calls a unit of systemd allows, without systemd: the sets are its own, the filter libseccomp's.

python -m tests.installer.unit_filter UNIT PROGRAM [ARGUMENT …]
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

LIBRARY: Final = "libseccomp.so.2"
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000
_UNKNOWN: Final = -1


def allowed_by(unit: str) -> set[str]:
    """The names of the system calls that the lines `SystemCallFilter=` of a unit's text leave, the first of which allows."""
    allowed: set[str] = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE):
        names = set().union(*(_members(name) for name in line.lstrip("~").split()))
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


def _members(name: str) -> set[str]:
    if not name.startswith("@"):
        return {name}
    command = ["systemd-analyze", "syscall-filter", "--no-pager", name]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    inside = (line.strip() for line in said.splitlines()[1:])
    return set().union(*(_members(one) for one in inside if one and not one.startswith("#")))


def confine_to(allowed: set[str]) -> None:
    """From now on every other call is refused as the unit refuses it (EPERM), here and in every program started from here."""
    library = ctypes.CDLL(LIBRARY)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_rule_add.argtypes = (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint)
    library.seccomp_load.argtypes = (ctypes.c_void_p,)
    held = library.seccomp_init(ctypes.c_uint32(_REFUSE | errno.EPERM))
    for name in sorted(allowed):
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number != _UNKNOWN and library.seccomp_rule_add(held, _ALLOW, number, 0) not in (0, -errno.EDOM):
            raise OSError(f"no rule can be made for the system call {name}")
    if library.seccomp_load(held) != 0:
        raise OSError("the kernel takes no filter of system calls")


if __name__ == "__main__":
    confine_to(allowed_by(Path(sys.argv[1]).read_text()))
    os.execv(sys.argv[2], sys.argv[2:])
