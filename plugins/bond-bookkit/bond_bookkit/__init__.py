"""What is made of the events of order books, without I/O.

`ReplicaBook` is a copy of one venue's book that knows whether it is right, `BookView` shows the
best levels of any number of books at a reader's pace, and `ConsolidatedBook` is the books of
several venues as one, each level with its venues.
"""

from bond_bookkit.consolidated import MAX_AGE_MS, ConsolidatedBook
from bond_bookkit.replica import BookKey, ReplicaBook, concerns, may_concern
from bond_bookkit.skew import AHEAD_MS, BEHIND_MS, Skew
from bond_bookkit.throttle import NEVER, Throttle
from bond_bookkit.view import BookView

__all__ = [
  "AHEAD_MS",
  "BEHIND_MS",
  "MAX_AGE_MS",
  "NEVER",
  "BookKey",
  "BookView",
  "ConsolidatedBook",
  "ReplicaBook",
  "Skew",
  "Throttle",
  "concerns",
  "may_concern",
]
