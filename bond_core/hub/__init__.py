"""The sources of a process: each runs once, whoever asked for it, and all write one market log."""

from bond_core.hub.hub import Hub, open_hub
from bond_core.hub.tap import Tap

__all__ = ["Hub", "Tap", "open_hub"]
