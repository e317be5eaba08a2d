"""The log: numbers, the ring, cursors, and what keeps it beyond this process."""
