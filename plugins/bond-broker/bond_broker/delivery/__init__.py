"""From a log to clients: each gets all that matches, or a gap that says what it lost."""
