"""What feeds of venues have in common, without I/O."""
