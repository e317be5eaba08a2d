"""Running sources: each runs once, however many read it, and all write one log."""
