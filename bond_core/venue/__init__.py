"""What feeds of venues have in common, without I/O: a venue's plugin adds only its dialect."""
