"""WebSockets: the one place that knows the library."""
