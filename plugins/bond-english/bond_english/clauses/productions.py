"""The productions: how a clause goes on with a chunk, and what each way of going on costs.

  clause   = subject data | data "of" subject, with modifiers anywhere
  subject  = asset | pair | address | group of assets, or a list of them
  data     = kind | event | figure | "posts", or a list of them
  modifier = venue | chain | market | interval | window | bound | side | depth | author | query | …
  request  = clauses, with separators between most of them; "not" before what is left out

The cheapest way through a request is what it says. Costs are small where people write like that
(0: the usual order), about 1 where it would be odd, and more than 10 for what is not understood. A
clause may lack its subject or its data, which it then shares with its neighbours (meaning/).
"""

from dataclasses import dataclass
from typing import Final

from bond_english.text.chunks import (
  AMBIGUOUS_X,
  ASSET,
  AUTHOR,
  AVERAGE,
  BOUND,
  CHAIN,
  CONJUNCTION,
  EVENT,
  FILLER,
  FILTER,
  INTERVAL,
  KEY,
  KIND,
  MARKET_TYPE,
  METRIC,
  NEGATION,
  PAIR,
  PLAIN,
  POSTS,
  PREPOSITION,
  PROVIDER,
  QUERY,
  QUOTE,
  TIME_SPAN,
  VAGUE_KIND,
  VENUE,
  VERSUS,
  WEAK_KIND,
  Chunk,
)
from bond_english.text.tokens import SIGN, Token
from bond_english.words import data
from bond_english.words.venues import DEXES

WEAK_COST: Final = 14.0
"""Of a reading that needs support: more than an unknown word costs."""
CHUNK_COST: Final = 0.2
"""Of each chunk, so that a longer phrase is preferred to its parts."""

_SUBJECTS = frozenset((ASSET, PAIR))
_SUBJECT_FILTERS = frozenset(("universe", "address"))
_DATA = frozenset((KIND, EVENT, METRIC, PROVIDER, VAGUE_KIND, WEAK_KIND, POSTS))
_MODIFIERS = frozenset(
  (
    *(VENUE, CHAIN, MARKET_TYPE, INTERVAL, TIME_SPAN, BOUND, FILTER, AUTHOR, QUERY, QUOTE),
    *(AVERAGE, AMBIGUOUS_X),
  )
)
_ABOUT = frozenset(("of", "for", "about", "on", "in", "regarding", "concerning", "mentioning"))
_LOCATING = frozenset(("on", "at", "from", "via", "through", "by", "in", "using", "across", "over"))
_CHAIN_PREPOSITIONS = frozenset(("on", "via", "over"))
_LINKING = _ABOUT | _LOCATING | {"to", "into", "with"}
_CHAIN_NOUNS = frozenset(("chain", "network", "blockchain", "mainnet", "chain's"))
_WIDE_SIGNS = frozenset((";", ".", "|", "?", "!"))
_MARKS = frozenset((":", "(", ")", "–", "—", "[", "]", "{", "}"))
_WEIGHTS = {
  **dict.fromkeys(("and", ",", "&", "or", "nor", "/", "vs"), 1),
  **dict.fromkeys(("+", "plus", "with", "then", "also", "but", "alongside", "including"), 2),
  **dict.fromkeys((";", "|"), 3),
}
"""How far each separator parts what it stands between."""
_SIDES = frozenset(("side", "position"))
_PARTING = frozenset((VENUE, MARKET_TYPE, "side", "position"))
"""Modifiers that a clause has once: a second list of them, elsewhere, begins another clause."""
_SWAPS_ELSEWHERE: Final = 1.0
"""Of swaps as events on a chain beside an exchange, where they are its perpetuals."""
_LONG_QUOTE: Final = 6
"""Tokens."""
_WAYS = frozenset(("to", "into", "from"))
_EVERYTHING = frozenset(("all", "everything", "any", "anything"))


@dataclass(slots=True)
class Hypothesis:
  """One way to read a request up to a token: the last chunk, and what its clause has so far.

  `subject` and `data` say whether the clause has them, `first` which came first; `topic` is what
  the data is about: text, chain, swap or market. `last` is the role of the last chunk that says
  something, `separator` how strong the separator after it is, `preposition` the word after it.
  `negated` is 1 after "not", 2 in a list that is left out. `pending` is refunded where the next
  chunk supports a weak one. `has` are the modifiers that a clause has once.
  """

  cost: float
  before: "Hypothesis | None" = None
  chunk: Chunk | None = None
  clause: int = 0
  left_out: bool = False
  detached: bool = False
  link: str = ""
  subject: bool = False
  data: bool = False
  first: str = ""
  topic: str = ""
  last: str = ""
  separator: int = 0
  joint: str = ""
  preposition: str = ""
  words_since: bool = False
  negated: int = 0
  negated_role: str = ""
  pending: str = ""
  complete_next: bool = False
  everything: bool = False
  has: frozenset[str] = frozenset()

  @property
  def signature(self) -> tuple[object, ...]:
    """What the further reading depends on: of equal ones only the cheapest counts."""
    return (
      *(self.subject, self.data, self.first, self.topic, self.last, self.separator),
      *(self.preposition, self.words_since, self.negated, self.negated_role, self.pending),
      *(self.complete_next, self.everything, self.has, self.joint),
    )


def start() -> Hypothesis:
  """The reading of nothing."""
  return Hypothesis(0.0)


def finish(state: Hypothesis) -> float:
  """The cost of a request that ends here."""
  return state.cost + _unfinished(state)


def extend(state: Hypothesis, chunk: Chunk, tokens: list[Token]) -> list[Hypothesis]:
  """Every way to go on with a chunk."""
  role = chunk.role
  cost = state.cost + chunk.cost + CHUNK_COST
  if role in (FILLER, KEY, PLAIN):
    return [_with_filler(state, chunk, cost, tokens)]
  if role == CONJUNCTION:
    return [_with_conjunction(state, chunk, cost)]
  if role == PREPOSITION:
    return [_next(state, chunk, cost, preposition=chunk.value, pending="", words_since=False)]
  if role == VERSUS:
    return [_next(state, chunk, cost, separator=max(state.separator, 1), joint="vs")]
  if role == NEGATION:
    return [_next(state, chunk, cost, negated=1, negated_role="", separator=0, pending="")]
  if role == QUERY and chunk.end > chunk.first + 1 and state.topic != "text":
    # Words in quotes are searched for where posts are asked for; a whole request may be quoted.
    cost += 3.0 if chunk.end < chunk.first + _LONG_QUOTE else 3.0 * (chunk.end - chunk.first)
  cost += _support(state, chunk, tokens)
  found = _negated(state, chunk, cost)
  if found is not None:
    ended = _ended_negation(state, chunk, tokens)
    return [found, *ended]
  if chunk.value == "address" and state.subject and (not state.data or state.preposition in _WAYS):
    # ETH transfers to a wallet: it narrows them, and is no other subject.
    return [_join(state, chunk, cost, has=state.has | {"address"})]
  if role in _SUBJECTS and "address" in state.has and not state.data and not state.separator:
    # Watch the wallet for outgoing USDC.
    return [_join(state, chunk, cost)]
  if role in _SUBJECTS or (role == FILTER and chunk.value in _SUBJECT_FILTERS):
    return _with_subject(state, chunk, cost)
  if role in _DATA:
    return _with_data(state, chunk, cost)
  if role in _MODIFIERS:
    return _with_modifier(state, chunk, cost)
  # Unknown words, questions and the like belong to no clause.
  return [_next(state, chunk, cost, pending="", words_since=True)]


def _next(state: Hypothesis, chunk: Chunk, cost: float, **changes: object) -> Hypothesis:
  made = Hypothesis(
    cost=cost,
    before=state,
    chunk=chunk,
    clause=state.clause,
    link=state.preposition,
    subject=state.subject,
    data=state.data,
    first=state.first,
    topic=state.topic,
    last=state.last,
    separator=state.separator,
    joint=state.joint,
    preposition=state.preposition,
    words_since=state.words_since,
    negated=state.negated,
    negated_role=state.negated_role,
    pending=state.pending,
    has=state.has,
  )
  for name, value in changes.items():
    setattr(made, name, value)
  return made


# What says nothing itself -----------------------------------------------------------------------


def _with_filler(state: Hypothesis, chunk: Chunk, cost: float, tokens: list[Token]) -> Hypothesis:
  token = tokens[chunk.first]
  if token.kind == SIGN:
    if chunk.end == chunk.first + 1 and token.text in _WIDE_SIGNS:
      following = chunk.end
      attached = following < len(tokens) and tokens[following].attached
      weight = 0 if attached else 3
    else:
      weight = 1 if token.text in _MARKS else 0
    # Exclude: okx, but ignore the small ones: BTC trades.
    ended = token.text == ")" or (token.text == ":" and state.negated == 2)
    negated = state.negated if weight < 3 and not ended else 0
    return _next(
      state,
      chunk,
      cost,
      separator=max(state.separator, weight),
      negated=negated,
      complete_next=False,
    )
  word = token.word
  if state.complete_next and word not in _LOCATING and chunk.end == chunk.first + 1:
    # Price of near misses: after all no asset.
    cost += WEAK_COST
  if state.pending == "chain" and word in _CHAIN_NOUNS:
    return _next(state, chunk, cost - _refund(state), pending="")
  preposition = word if word in _LINKING and chunk.end == chunk.first + 1 else state.preposition
  filler_word = preposition == state.preposition and word != "the"
  return _next(
    state,
    chunk,
    cost,
    preposition=preposition,
    words_since=filler_word or (state.words_since and preposition == state.preposition),
    pending="",
    everything=word in _EVERYTHING,
  )


def _with_conjunction(state: Hypothesis, chunk: Chunk, cost: float) -> Hypothesis:
  if chunk.value == "but" and (state.everything or state.last == "everywhere"):
    but = Chunk(NEGATION, chunk.first, chunk.end)
    return _next(state, but, cost, negated=1, negated_role="", separator=0, pending="")
  weight = _WEIGHTS.get(chunk.value, 1)
  pending = state.pending if weight == 1 else ""
  negated = state.negated if state.negated == 2 and weight == 1 else 0
  preposition = chunk.value if chunk.value == "with" else ""
  return _next(
    state,
    chunk,
    cost,
    separator=max(state.separator, weight),
    joint=chunk.value,
    pending=pending,
    negated=negated,
    preposition=preposition,
    words_since=False,
  )


# Support of weak readings -----------------------------------------------------------------------


def _support(state: Hypothesis, chunk: Chunk, tokens: list[Token]) -> float:
  """What a chunk adds to the cost: less where it supports the weak one before it, more where it
  needs support itself and has none before it."""
  cost = 0.0
  if state.pending and _supports(state, chunk):
    cost -= _refund(state)
  if chunk.role == CHAIN:
    cost += _chain_cost(state, chunk)
  elif chunk.role == VENUE:
    if chunk.cost >= 1.5 and _is_located(state):
      cost -= 1.8
    if chunk.weak and not _is_located(state):
      cost += WEAK_COST
  elif chunk.weak:
    alone = chunk.role == ASSET and chunk.end == len(tokens) == 1
    cost += 0.0 if _expects_asset(state, chunk) or alone else WEAK_COST
  return cost


def _is_located(state: Hypothesis) -> bool:
  """Whether a venue is expected here: after "on", or beside another one."""
  located = state.preposition in _LOCATING and not state.words_since
  return located or state.last in (VENUE, "everywhere")


def _refund(state: Hypothesis) -> float:
  return 3.5 if state.pending == "chain-or-asset" else WEAK_COST - 0.3


def _supports(state: Hypothesis, chunk: Chunk) -> bool:
  """Whether a chunk supports the weak one right before it."""
  adjacent = state.separator == 0 and not state.preposition and not state.words_since
  if state.pending in ("chain", "chain-or-asset"):
    return adjacent and (
      (chunk.role == EVENT and chunk.value in data.CHAIN_WIDE_EVENTS)
      or (chunk.role == KIND and "gas" in chunk.value)
      or (chunk.role == METRIC and chunk.value in ("gas", "onchain"))
      or (chunk.role == FILTER and chunk.value == "venue_type")
    )
  if state.pending == "venue":
    return chunk.role == VENUE and state.separator == 1
  if chunk.role in _SUBJECTS:
    listed = state.separator == 1 and not state.preposition
    return state.pending != "unlisted" and (listed or (adjacent and state.pending != "one"))
  return (
    state.pending in ("asset", "unlisted")
    and adjacent
    and chunk.role in (*_DATA, MARKET_TYPE, QUOTE)
  )


def _expects_asset(state: Hypothesis, chunk: Chunk) -> bool:
  """Whether an asset is expected here: after "of", or in a list of assets."""
  if state.last in _SUBJECTS and state.separator == 1 and not state.preposition:
    return True
  # "One" is a number more often than Harmony.
  return state.preposition in _ABOUT and not state.words_since and chunk.value != "ONE"


def _chain_cost(state: Hypothesis, chunk: Chunk) -> float:
  """A chain after "on", where what happens on it is named, or in a list of chains."""
  listed = state.last == CHAIN and state.separator == 1
  located = state.preposition in _CHAIN_PREPOSITIONS and not state.words_since
  subject = state.subject and (state.data or state.last in _SUBJECTS)
  named = subject or state.topic in ("chain", "swap") or state.last in (AUTHOR, QUERY)
  named = named or "address" in state.has
  if chunk.weak:
    return 0.0 if located or listed else WEAK_COST
  within = state.preposition == "in" and state.subject and state.topic == "chain"
  if chunk.cost >= 3.0 and (listed or within or (located and named and state.topic != "text")):
    return -3.4
  return 0.0


def _pending(state: Hypothesis, chunk: Chunk) -> str:
  """What the next chunk has to support."""
  if chunk.role == CHAIN:
    if _chain_cost(state, chunk) < 0 or (chunk.weak and not _chain_cost(state, chunk)):
      return ""
    return "chain" if chunk.weak else "chain-or-asset" if chunk.cost >= 3.0 else ""
  if not chunk.weak:
    return ""
  if chunk.role == VENUE:
    return "" if _is_located(state) else "venue"
  if _expects_asset(state, chunk):
    return ""
  if chunk.role == PAIR:
    return "unlisted"
  return "one" if chunk.value == "ONE" else "asset"


# Negation ---------------------------------------------------------------------------------------


def _negated(state: Hypothesis, chunk: Chunk, cost: float) -> Hypothesis | None:
  """The chunk left out, where it stands after "not" or in a list of what is left out."""
  if state.negated == 0:
    return None
  role = chunk.role
  if state.negated == 2:
    listed = role == state.negated_role and state.separator == 1
    owned = (
      state.separator == 0
      and state.negated_role in (ASSET, PAIR, MARKET_TYPE)
      and role in _DATA
      and not state.preposition
    )
    bounded = role == BOUND and state.separator == 0
    if not (listed or owned or bounded):
      return None
    if listed:
      cost += {"or": 0.0, "nor": 0.0, "and": 0.2, "&": 0.2, "/": 0.1}.get(state.joint, 0.7)
  return _next(
    state,
    chunk,
    cost,
    negated=2,
    negated_role=role,
    separator=0,
    joint="",
    preposition="",
    words_since=False,
    pending="",
    left_out=True,
  )


def _ended_negation(state: Hypothesis, chunk: Chunk, tokens: list[Token]) -> list[Hypothesis]:
  """The chunk after a list of what is left out: the request goes on."""
  if state.negated != 2 or state.separator == 0:
    return []
  over = _next(state, state.chunk or chunk, state.cost, negated=0, negated_role="")
  over.before, over.left_out = state.before, state.left_out
  over.detached, over.link = state.detached, state.link
  added = 0.3 if state.joint != "," and chunk.role == state.negated_role else 0.0
  found = extend(over, chunk, tokens)
  for hypothesis in found:
    hypothesis.cost += added
  return found


# Clauses ----------------------------------------------------------------------------------------


def _unfinished(state: Hypothesis) -> float:
  """What it costs that a clause ends as it is."""
  if state.subject and state.data:
    return 0.0
  if state.subject:
    # Buys of BTC are trades of it.
    return 0.5 if state.has.isdisjoint(_SIDES) else 0.1
  if state.data:
    return 0.3
  return 0.6 if state.last else 0.0


def _join(state: Hypothesis, chunk: Chunk, cost: float, **changes: object) -> Hypothesis:
  return _next(
    state,
    chunk,
    cost,
    last=chunk.role,
    separator=0,
    joint="",
    preposition="",
    words_since=False,
    negated=0,
    negated_role="",
    pending=_pending(state, chunk),
    complete_next=chunk.weak and chunk.role in _SUBJECTS,
    detached=state.separator > 0 or _goes_on(state, chunk),
    **changes,
  )


def _goes_on(state: Hypothesis, chunk: Chunk) -> bool:
  """Whether a modifier stands right after one that stands apart: – okx swap."""
  return state.detached and state.last in _MODIFIERS and chunk.role in _MODIFIERS


def _begin(state: Hypothesis, chunk: Chunk, cost: float, **changes: object) -> Hypothesis:
  fresh: dict[str, object] = {
    "subject": False,
    "data": False,
    "first": "",
    "topic": "",
    "has": frozenset(),
    **changes,
  }
  begun = state.clause + 1
  return _join(state, chunk, cost + _unfinished(state), clause=begun, **fresh)


def _with_subject(state: Hypothesis, chunk: Chunk, cost: float) -> list[Hypothesis]:
  has = frozenset(("address",)) if chunk.value == "address" else frozenset()
  join = {"subject": True, "first": state.first or "subject", "has": state.has | has}
  begin = {"subject": True, "first": "subject", "has": has}
  if not state.subject:
    if not state.data:
      found = [_join(state, chunk, cost, **join)]
      if state.last and state.separator:
        # What stood before were modifiers of all.
        found.append(_begin(state, chunk, cost, **begin))
      return found
    joined = 0.0 if state.preposition else 0.2 if not state.separator else 0.4
    return [_join(state, chunk, cost + joined, **join), *_parted(state, chunk, cost, begin)]
  if state.last in (ASSET, PAIR) or state.last == "subject":
    listed = (0.0, 0.0, 0.1, 0.5)[state.separator]
    if not state.separator and state.preposition:
      listed = 0.3
    return [_join(state, chunk, cost + listed, **join), *_parted(state, chunk, cost, begin)]
  return [_join(state, chunk, cost + 1.2, **join), *_parted(state, chunk, cost, begin)]


def _parted(
  state: Hypothesis, chunk: Chunk, cost: float, begin: dict[str, object]
) -> list[Hypothesis]:
  """A new clause that begins with a subject."""
  if state.last in (ASSET, PAIR):
    if not state.separator:
      return []
    return [_begin(state, chunk, cost + 0.3, **begin)]
  return [_begin(state, chunk, cost + (0.1 if state.separator else 0.5), **begin)]


def _with_data(state: Hypothesis, chunk: Chunk, cost: float) -> list[Hypothesis]:
  topic = _topic(chunk)
  if topic == "swap" and "exchange" in state.has:
    cost += _SWAPS_ELSEWHERE
  join = {"data": True, "topic": topic, "first": state.first or "data"}
  begin = {"data": True, "topic": topic, "first": "data"}
  if not state.data:
    joined = 0.0 if not state.subject or not state.separator else 0.3
    found = [_join(state, chunk, cost + joined, **join)]
    if state.last and state.separator and not (state.subject and state.last in (ASSET, PAIR)):
      found.append(_begin(state, chunk, cost + 0.5, **begin))
    return found
  if state.last in _DATA:
    joined = 0.0 if state.separator else 0.1
    found = [_join(state, chunk, cost + joined, **join)]
    if state.separator:
      found.append(_begin(state, chunk, cost + 0.3, **begin))
    return found
  if state.first == "data" and state.last in (ASSET, PAIR):
    begun = 0.6 if state.separator else 1.5
    return [_join(state, chunk, cost + 1.5, **join), _begin(state, chunk, cost + begun, **begin)]
  begun = 0.2 if state.separator else 0.6
  joined = 0.8 if state.separator else 0.5
  return [_join(state, chunk, cost + joined, **join), _begin(state, chunk, cost + begun, **begin)]


def _topic(chunk: Chunk) -> str:
  kinds = chunk.value if chunk.role in (KIND, VAGUE_KIND) else ()
  if chunk.role == POSTS or not data.TEXTS.isdisjoint(kinds):
    return "text"
  if chunk.role == METRIC and chunk.value in ("gas", "onchain"):
    return "chain"
  if chunk.role == EVENT and chunk.value == "swap":
    return "swap"
  if chunk.role == EVENT or "onchain" in kinds or "gas" in kinds:
    return "chain"
  return "market"


def _with_modifier(state: Hypothesis, chunk: Chunk, cost: float) -> list[Hypothesis]:
  own = chunk.value if chunk.role == FILTER else chunk.role
  if own not in _PARTING:
    own = ""
  if own == VENUE and chunk.value not in DEXES and state.topic == "swap":
    cost += _SWAPS_ELSEWHERE
  followed = state.last == chunk.role or (own == VENUE and state.last == "everywhere")
  repeated = own in state.has and not followed
  has = state.has | {own} if own else state.has
  if own == VENUE and chunk.value not in DEXES:
    has |= {"exchange"}
  joined = _join(state, chunk, cost + (0.4 if repeated else 0.0), has=has)
  if own == VENUE and chunk.value == "*":
    joined.last = "everywhere"
  sided = not state.has.isdisjoint(_SIDES)
  if not state.last or not (state.subject or state.data or sided):
    return [joined]
  if repeated:
    begun = 0.1 if state.separator else 0.6
  elif state.separator and state.subject and (state.data or sided):
    begun = 0.45
  else:
    return [joined]
  return [joined, _begin(state, chunk, cost + begun, has=frozenset((own,)) if own else frozenset())]
