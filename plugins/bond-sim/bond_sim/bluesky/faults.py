"""The faults of Jetstream."""

from bond_simkit import FaultKind, FaultNotation

BLUESKY_FAULTS = FaultNotation(
  {
    "drop": FaultKind("ends all connections with RST"),
    "close": FaultKind("ends all connections with a Close frame"),
    "silence": FaultKind("sends nothing on the open connections any more, no pongs either"),
    "duplicate": FaultKind("sends the next ARG posts twice", "posts", 1),
    "garbage": FaultKind("sends ARG messages that are no JSON", "messages", 1),
    "403": FaultKind(
      "answers every request with 403 and a firewall's page for ARG", "seconds", 5.0
    ),
    "html": FaultKind("answers every request with 200 and a page for ARG", "seconds", 5.0),
    "5xx": FaultKind("answers every request with 503 for ARG", "seconds", 5.0),
    "forget": FaultKind("forgets what was written so far, so that cursors are too old"),
  },
  examples="drop@5s, duplicate:3 or 5xx:30s",
  venue="Bluesky",
)
parse_fault = BLUESKY_FAULTS.parse
