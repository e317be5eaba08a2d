"""The core's own sinks."""
