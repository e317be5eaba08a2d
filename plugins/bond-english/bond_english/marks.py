"""Marks: what each piece of a request was taken for, before it is known what belongs to what."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

EXACT = "exact"
ALIAS = "alias"
CORRECTED = "corrected"
ASSUMED = "assumed"
DEFAULT = "default"

Fact: TypeAlias = tuple[str, Any, str]
"""(slot, value, how): one thing that a piece of the request says."""


@dataclass(slots=True)
class Mark:
  """The tokens from `first` up to `last` and what they were taken for.

  `slot` names the role in the grammar and `value` belongs to it; `facts` are what they add to the
  stream, and so to the account. Marks of a request stand side by side and hold every token.
  """

  slot: str
  first: int
  last: int
  value: Any = None
  how: str = EXACT
  facts: list[Fact] = field(default_factory=list)
  left_out: bool = False

  def refuse(self, question: str) -> None:
    """Makes it one that has to be asked about."""
    self.slot, self.value, self.facts = REFUSED, (question, "ask"), []


# Roles in the grammar: what a stream is made of …
ASSET = "asset"
PAIR = "pair"
QUOTE = "quote"
KIND = "kind"
VENUE = "venue"
CHAIN = "chain"
MARKET = "market"
INTERVAL = "interval"
SPAN = "span"
BOUND = "bound"
AUTHOR = "author"
QUERY = "query"
FILTER = "filter"
# … words whose role is settled by where they stand …
PERHAPS = "perhaps"
WEAK = "weak"
EVENT = "event"
METRIC = "metric"
PROVIDER = "provider"
VAGUE = "vague"
POSTS = "posts"
AVERAGE = "average"
# … and the words between.
NOT = "not"
JOIN = "join"
OF = "of"
VERSUS = "versus"
FILLER = "filler"
UNKNOWN = "unknown"
REFUSED = "refused"
ALERT = "alert"
REPLAY = "replay"
EDIT = "edit"


def filtered(name: str, first: int, last: int, filters: dict[str, Any], how: str = EXACT) -> Mark:
  """A mark that narrows the stream down; `name` is what other parts know it by."""
  return Mark(FILTER, first, last, name, how, [("filter", filters, how)])


def asked(question: str, first: int, last: int) -> Mark:
  """A mark that has to be asked about."""
  return Mark(REFUSED, first, last, (question, "ask"))
