"""A checked spec, running: sources → a graph of transforms → sinks."""
