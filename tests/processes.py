"""What the kernel reports about a process."""

from contextlib import suppress
from pathlib import Path


def children(pid: int) -> list[int]:
    """Return the process's children, oldest first; an empty list if it has ended."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def command(pid: int) -> str:
    """Return its command line; an empty string if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_alive(pid: int) -> bool:
    """Return whether it runs. A zombie does not: it holds no resources."""
    return _state(pid) not in {"", "Z", "X"}


def stands_still(pid: int) -> bool:
    """Return whether a signal has stopped it."""
    return _state(pid) == "T"


def memory_kib(pid: int) -> int:
    """Return its memory in use; 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(status.partition("VmRSS:")[2].split()[0])


def has_accepted(pid: int, port: int) -> bool:
    """Return whether it holds the server's end of a connection from this client port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {row[9] for row in rows if row[2].endswith(f":{port:04X}")}
    return any(f"socket:[{inode}]" in _open_files(pid) for inode in inodes)


def _open_files(pid: int) -> set[str]:
    """Return the files and sockets that it has open; an empty list if it has ended."""
    found = set()
    with suppress(FileNotFoundError):
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                found.add(str(each.readlink()))
    return found


def _state(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return stat.rpartition(")")[2].split()[0]
