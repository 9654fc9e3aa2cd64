"""Becomes another program that is told to end when the supervisor dies, however it dies.

Usage: python -I -S launch.py SIGNAL USER PROGRAM [ARGUMENT ...]; USER is `-` for nobody else. Changing the user
happens here, since that user may not be able to reach this Python.
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1  # prctl(2); survives exec, cleared by fork and by changing the user


def become(name: str) -> None:
    """Gives up root for the user `name`, for good."""
    user = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


if __name__ == "__main__":
    supervisor = os.getppid()
    if sys.argv[2] != "-":
        become(sys.argv[2])
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(sys.argv[1]))
    if os.getppid() != supervisor:  # it died before the call above
        sys.exit(1)
    os.execv(sys.argv[3], sys.argv[3:])  # noqa: S606 what this file is for
