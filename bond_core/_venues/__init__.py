"""The kit for venues' feeds, without I/O."""
