"""Recordings of Bond as files, for packages that write or read them.

docs/recordings.md describes the format. Nothing here runs by itself: the sink core.jsonl and the
commands of bond-recordings stand on it.
"""
