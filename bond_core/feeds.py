"""Feeds: a venue's dialect over bytes and batches, without I/O.

A plugin writes a `Feed`; the core owns its sockets, clocks, tasks, pacing, back-off and liveness.
`bond_core.venues` has what most feeds need; docs/write-a-venue.md builds one.
"""

from bond_core._feeds.contract import (
  Action,
  Expire,
  Feed,
  Fetch,
  Handshake,
  Limits,
  Moment,
  Notice,
  Pong,
  Reject,
  Reset,
  Response,
  Send,
  Subscription,
)
from bond_core._feeds.fetcher import WEIGHT_SHARE
from bond_core._feeds.liveness import SourceState
from bond_core._feeds.rate_limit import JITTER, RateLimit, retry_after
from bond_core._supervise import Backoff, RestartBudget
from bond_core._words import own_words, said

__all__ = [
  "JITTER",
  "WEIGHT_SHARE",
  "Action",
  "Backoff",
  "Expire",
  "Feed",
  "Fetch",
  "Handshake",
  "Limits",
  "Moment",
  "Notice",
  "Pong",
  "RateLimit",
  "Reject",
  "Reset",
  "Response",
  "RestartBudget",
  "Send",
  "SourceState",
  "Subscription",
  "own_words",
  "retry_after",
  "said",
]
