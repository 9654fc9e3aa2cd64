"""Which TCP ports a process listens on, read from /proc."""

import os
from pathlib import Path

LISTEN = "0A"  # state of a socket in /proc/net/tcp, see proc(5)


def listening_ports(pids: set[int]) -> set[tuple[str, int]]:
    """(address in hexadecimal as the kernel writes it, port) of every TCP socket these processes listen on."""
    inodes = {inode for pid in pids for inode in _sockets(pid)}
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN and fields[9] in inodes:
                address, port = fields[1].split(":")
                found.add((address, int(port, 16)))
    return found


def with_children(pid: int) -> set[int]:
    """A process and everything it started."""
    found = {pid}
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found |= with_children(int(child))
    return found


def _sockets(pid: int) -> set[str]:
    try:
        handles = list(Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:
        return set()  # it ended since it was listed, as PostgreSQL's helpers do: it listens on nothing
    inodes = set()
    for handle in handles:
        try:
            target = os.readlink(handle)
        except FileNotFoundError:
            continue  # closed since the folder was listed: nobody listens on it
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    return inodes
