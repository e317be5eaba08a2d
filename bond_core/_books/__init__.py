"""Order books, without I/O."""
