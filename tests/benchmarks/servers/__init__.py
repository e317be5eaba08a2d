"""The servers that are loaded: Bond's broker and its peers, each a process of its own.

Each is started by tests.benchmarks.rig, prints `{"port": …}` and then publishes what
tests.benchmarks.servers.offered says, at the rate that comes in on its standard input.
"""
