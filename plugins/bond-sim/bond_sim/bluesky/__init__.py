"""A simulated Bluesky: Jetstream v1 with cursors, replay and faults."""
