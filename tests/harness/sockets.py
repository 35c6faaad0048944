"""What the kernel knows of TCP connections on loopback, whoever holds them."""

from pathlib import Path

ESTABLISHED = "01"


def established(port: int) -> int:
    """How many connections lead to `port`, counted at their far ends."""
    wanted = f":{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = (line.split() for line in lines)
    return sum(each[2].endswith(wanted) and each[3] == ESTABLISHED for each in fields)
