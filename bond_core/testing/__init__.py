"""Tests that plugins inherit. It needs pytest; nothing of it is imported at run time."""

from bond_core.testing._feeds import FeedConformance

__all__ = ["FeedConformance"]
