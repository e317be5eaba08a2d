"""Feeds: the sans-IO contract, and the driver that owns sockets."""
