"""Sources at work: each runs once, whoever reads it, and all write one log."""
