"""The whole system in simulated time: `python -m tests.world --help`, docs/world.md."""
