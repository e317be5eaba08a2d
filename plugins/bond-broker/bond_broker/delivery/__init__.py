"""From a log to clients: each receives all that matches, or a gap that says what it lost."""
