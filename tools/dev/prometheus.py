"""Prometheus and promtool, as Debian has them."""

from pathlib import Path

from dev import debian


def programs() -> Path:
    """The folder that holds `prometheus` and `promtool`. Raises EngineMissing."""
    return debian.programs("prometheus")
