"""A checked spec, running: sources of a hub → a graph of transforms → sinks."""
