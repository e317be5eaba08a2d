"""The faults of a Geyser stream."""

from bond_simkit import FaultKind, FaultNotation

GEYSER_FAULTS = FaultNotation(
  {
    "drop": FaultKind("resets every connection"),
    "half-open": FaultKind(
      "keeps every connection open and lets nothing through any more, in either direction"
    ),
    "silence": FaultKind(
      "sends nothing on the open streams for ARG, no pings either; HTTP/2 goes on", "seconds", 30.0
    ),
    "lagged": FaultKind("ends every stream with INTERNAL, as for a client that is too slow"),
    "gap": FaultKind("leaves out the next ARG blocks, without a word", "blocks", 1),
    "duplicate": FaultKind("sends the contents of the next ARG blocks twice", "blocks", 1),
    "refuse": FaultKind("refuses new streams with UNAVAILABLE for ARG", "seconds", 5.0),
    "denied": FaultKind(
      "refuses new streams with PERMISSION_DENIED for ARG, as for a proxy's 403", "seconds", 5.0
    ),
    "unknown": FaultKind(
      "refuses new streams with UNIMPLEMENTED for ARG, as for a proxy's 404", "seconds", 5.0
    ),
    "no-replay": FaultKind(
      "refuses from_slot with INTERNAL for ARG: nothing is stored", "seconds", 60.0
    ),
    "late-replay": FaultKind(
      "refuses from_slot with OUT_OF_RANGE for ARG: too long ago", "seconds", 60.0
    ),
    "wrong-replay": FaultKind(
      "refuses from_slot with INVALID_ARGUMENT for ARG, as relays do", "seconds", 60.0
    ),
    "catching-up": FaultKind(
      "refuses from_slot with INTERNAL for ARG: the node is behind", "seconds", 60.0
    ),
  },
  examples="drop@5s, gap:3 or refuse:10s",
  venue="Geyser",
)
parse_fault = GEYSER_FAULTS.parse
