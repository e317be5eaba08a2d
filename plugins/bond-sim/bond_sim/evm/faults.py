"""The faults of an EVM node."""

from bond_simkit import FaultKind, FaultNotation

EVM_FAULTS = FaultNotation(
  {
    "drop": FaultKind("ends all connections with RST"),
    "close": FaultKind("ends all connections with a Close frame"),
    "half-open": FaultKind("sends and answers nothing any more on the open connections"),
    "silence": FaultKind("announces nothing for ARG; requests are answered", "seconds", 5.0),
    "fork": FaultKind(
      "replaces the last ARG blocks by others, at most 3, and makes one more", "blocks", 1, most=3
    ),
    "missing": FaultKind(
      "does not announce the next ARG blocks; their logs are announced", "blocks", 1
    ),
    "duplicate": FaultKind("announces each of the next ARG logs twice", "logs", 1),
    "garbage": FaultKind("breaks the next ARG announcements: cut in half", "announcements", 1),
    "narrow": FaultKind("refuses eth_getLogs over more than ARG blocks from now on", "blocks", 10),
    "few": FaultKind("refuses eth_getLogs with more than ARG results from now on", "results", 100),
    "busy": FaultKind(
      "answers requests but subscriptions with a rate limit for ARG", "seconds", 5.0
    ),
    "behind": FaultKind(
      "answers eth_getLogs and receipts for ARG as a node without newer blocks; they are announced",
      "seconds",
      5.0,
    ),
    "no-receipts": FaultKind("has no eth_getBlockReceipts any more, as older nodes"),
    "403": FaultKind(
      "answers new WebSockets with 403 and a firewall's page for ARG", "seconds", 5.0
    ),
    "html": FaultKind("answers new WebSockets with 200 and a page for ARG", "seconds", 5.0),
    "refuse": FaultKind("answers new WebSockets with 503 for ARG", "seconds", 5.0),
    "forget": FaultKind("has no blocks and logs any more of what was before"),
  },
  examples="drop@5s, fork:3 or busy:30s",
  venue="an EVM node",
)
parse_fault = EVM_FAULTS.parse
