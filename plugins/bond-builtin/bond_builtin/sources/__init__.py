"""The core's own sources."""
