"""Every feed against a hostile venue: `python -m tests.chaos --help`, docs/chaos.md."""
