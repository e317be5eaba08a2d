"""The commands of `bond` that need no server."""
