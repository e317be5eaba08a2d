"""Conversations that are no venue's WebSocket: the sans-IO contract, and what drives it."""
