"""Chunks: runs of tokens, each with a role that it may have in a request."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

How: TypeAlias = Literal["exact", "alias", "corrected", "assumed", "default"]
"""How a fact is known: as written, by another name, after a spelling correction, assumed with a
warning, or as a default for what the request does not say."""

EXACT: Final = "exact"
ALIAS: Final = "alias"
CORRECTED: Final = "corrected"
ASSUMED: Final = "assumed"
DEFAULT: Final = "default"

Slot: TypeAlias = Literal[
  "symbol",
  "source",
  "exchange",
  "interval",
  "filter",
  "quote",
  "chain",
  "left_out",
  "unknown",
  "refused",
  "note",
  "filler",
  "ignored",
  "negation",
]
"""What an entry of the account is about."""

Fact: TypeAlias = tuple[Slot, Any, How]
"""(slot, value, how): one statement of the account."""

Refusal: TypeAlias = Literal["equity", "history", "order", "of the past", "ask"]
"""Why a chunk is refused; with "ask" its question has to be answered first."""

Role: TypeAlias = Literal[
  "operator",
  "plain",
  "key",
  "correction",
  "asset",
  "pair",
  "quote",
  "kind",
  "venue",
  "chain",
  "market_type",
  "interval",
  "time_span",
  "bound",
  "author",
  "query",
  "filter",
  "ambiguous_x",
  "weak_kind",
  "event",
  "metric",
  "provider",
  "vague_kind",
  "posts",
  "average",
  "negation",
  "conjunction",
  "preposition",
  "versus",
  "filler",
  "unknown",
  "refused",
  "alert",
  "replay",
  "edit",
]

# What a stream is made of, with the type of the chunk's value:
ASSET: Final = "asset"  # str, the ticker
PAIR: Final = "pair"  # Pair, or a list of Pair or of tickers
QUOTE: Final = "quote"  # str, the currency
KIND: Final = "kind"  # tuple of str: kinds of data, or a source's name
VENUE: Final = "venue"  # str, "*" for all
CHAIN: Final = "chain"  # str
MARKET_TYPE: Final = "market_type"  # str: spot, perp, inverse, future or option
INTERVAL: Final = "interval"  # Interval
TIME_SPAN: Final = "time_span"  # TimeSpan
BOUND: Final = "bound"  # Bound
AUTHOR: Final = "author"  # str, the handle without @
QUERY: Final = "query"  # str, the words to search for
FILTER: Final = "filter"  # str, the name that other passes know it by, or BoundKinds
# Words whose role depends on where they stand:
AMBIGUOUS_X: Final = "ambiguous_x"  # None: the network, or a letter
WEAK_KIND: Final = "weak_kind"  # tuple of str: rate, cost, "how much"
EVENT: Final = "event"  # str: transfer, swap, block
METRIC: Final = "metric"  # str, the kind of data that it is made of
PROVIDER: Final = "provider"  # str, the kind of data that it provides
VAGUE_KIND: Final = "vague_kind"  # tuple of str: what "market data" is taken for
POSTS: Final = "posts"  # None: posts of a network that has to be found
AVERAGE: Final = "average"  # None
# The words between, and what no stream can be made of:
NEGATION: Final = "negation"  # None
CONJUNCTION: Final = "conjunction"  # str, the word or sign
PREPOSITION: Final = "preposition"  # str, the word
VERSUS: Final = "versus"  # None
FILLER: Final = "filler"  # None
PLAIN: Final = "plain"  # None: plain English that says nothing about the stream
OPERATOR: Final = "operator"  # str: what would have to be computed
KEY: Final = "key"  # None: the channel= of key=value
CORRECTION: Final = "correction"  # None: no wait
UNKNOWN: Final = "unknown"  # tuple of str: known words that are spelled alike
REFUSED: Final = "refused"  # (what or the question, Refusal)
ALERT: Final = "alert"  # str, the phrase
REPLAY: Final = "replay"  # str, the phrase
EDIT: Final = "edit"  # str, the phrase


@dataclass(slots=True)
class Chunk:
  """The tokens from `first` up to `end`, and a role that they may have.

  The type of `value` depends on the role. `facts` are further statements of the account that the
  chunk makes, such as its filters. `cost` says how unlikely the role is, `weak` that it needs a
  neighbour which supports it. The chunks of a request stand side by side and cover every token.

  The grammar sets `clause`, `left_out` (a negation stands before it), `detached` (a comma or the
  like stands before it) and `preposition`, the word that links it to what it is of. The builder
  notes in `shaped` which nodes of the spec are as they are because of it; `told` says that the
  sentence has it instead. `instead` are words that would answer the question about it. `parts` are
  chunks that only say more of this one, as a quote currency.
  """

  role: Role
  first: int
  end: int
  value: Any = None
  how: How = EXACT
  facts: list[Fact] = field(default_factory=list)
  left_out: bool = False
  cost: float = 0.0
  weak: bool = False
  clause: int = 0
  detached: bool = False
  preposition: str = ""
  shaped: list[str] = field(default_factory=list)
  told: bool = False
  parts: "list[Chunk]" = field(default_factory=list)
  instead: tuple[str, ...] = ()

  def shape(self, *nodes: str) -> None:
    """Notes that these nodes of the spec are as they are because of the chunk and its parts."""
    for chunk in (self, *self.parts):
      chunk.shaped += [node for node in nodes if node not in chunk.shaped]

  def make_filler(self) -> None:
    """Makes it words that say nothing."""
    self.role, self.value, self.how, self.facts = FILLER, None, EXACT, []

  def make_unknown(self) -> None:
    """Makes it words that are not understood."""
    self.role, self.value, self.how, self.facts = UNKNOWN, (), EXACT, []

  def refuse(self, what: str, reason: Refusal = "ask", *, instead: Sequence[str] = ()) -> None:
    """Makes it one that no stream can be made of; with "ask", `what` is the question, and each of
    the words `instead` in its place would answer it."""
    self.role, self.value, self.facts, self.instead = REFUSED, (what, reason), [], tuple(instead)


def filter_chunk(
  name: str, first: int, end: int, filters: dict[str, Any], how: How = EXACT
) -> Chunk:
  """A chunk that narrows the stream down; `name` is what other passes know it by."""
  return Chunk(FILTER, first, end, name, how, [("filter", filters, how)])


def question_chunk(question: str, first: int, end: int) -> Chunk:
  """A chunk that has to be asked about."""
  return Chunk(REFUSED, first, end, (question, "ask"), cost=-1.0)
