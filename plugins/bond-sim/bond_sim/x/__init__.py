"""A simulated X: the filtered stream of API v2 with its rules, limits and faults."""
