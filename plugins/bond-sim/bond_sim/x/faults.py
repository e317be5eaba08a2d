"""The faults of X."""

from bond_simkit import FaultKind, FaultNotation

X_FAULTS = FaultNotation(
  {
    "drop": FaultKind("ends the stream with RST"),
    "partial": FaultKind("sends half a line, then ends the stream"),
    "disconnect": FaultKind("says operational-disconnect in the stream, then ends it"),
    "duplicate": FaultKind("sends the next ARG posts twice", "posts", 1),
    "silence": FaultKind("sends nothing on the open stream any more, no blank lines either"),
    "old": FaultKind("refuses the since_id of the next search, as X does after seven days"),
    "blank": FaultKind("answers ARG searches with errors and no posts", "searches", 1),
    "linger": FaultKind(
      "counts a connection for ARG after the client has closed it", "seconds", 10.0
    ),
    "429": FaultKind("answers every request with 429 for ARG", "seconds", 5.0),
    "5xx": FaultKind("answers every request with 503 for ARG", "seconds", 5.0),
    "401": FaultKind("answers every request with X's 401 for ARG", "seconds", 5.0),
    "402": FaultKind("answers every request with 402, credits depleted, for ARG", "seconds", 5.0),
    "403": FaultKind(
      "answers every request with 403 and a firewall's page for ARG", "seconds", 5.0
    ),
    "html": FaultKind("answers every request with 200 and a page for ARG", "seconds", 5.0),
  },
  examples="drop@5s, duplicate:3 or 429:30s",
  venue="X",
)
parse_fault = X_FAULTS.parse
