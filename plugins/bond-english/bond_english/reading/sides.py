"""Sides of trades, of liquidated positions and of a wallet: buys, long liquidations, incoming."""

from collections.abc import Sequence

from bond_english.text.chunks import ALIAS, EXACT, FILLER, FILTER, Chunk, Fact, filter_chunk
from bond_english.text.phrases import PhraseTable, match_words
from bond_english.text.tokens import ADDRESS, Token
from bond_english.words import split_phrases

_SIDES = {"buys": "buy", "buyers": "buy", "sells": "sell", "sellers": "sell"}
_DOING = {"buying": "buy", "selling": "sell"}
_DONE_TO = {"purchases": "buy", "sales": "sell"}
_DONE = frozenset(("ones", "trades", "orders", "side", "only"))
"""The buying ones, selling only."""
_DIRECTIONS = {"incoming": "in", "inbound": "in", "outgoing": "out", "outbound": "out"}
_WALLET_VERBS = PhraseTable(
  (phrase, direction)
  for direction, phrases in (
    (
      "in",
      """
      receives; received; receiving; receive; gets; going in; going into; coming in; coming into;
      comes in; goes in; goes into; arriving; arriving at; arrives; arrives at; deposits;
      flowing in;
      flowing into; entering; enters; credited to
      """,
    ),
    (
      "out",
      """
      sends; sent; sending; send; going out; going out of; going out from; coming out;
      coming out of;
      goes out; goes out of; comes out of; out of; leaving; leaves; withdrawals; flowing out;
      flowing out of; spends; pays out; exiting; exits
      """,
    ),
  )
  for phrase in split_phrases(phrases)
)
"""What a wallet does, where a request names one by its address."""
_OTHER_END = {"out": "to", "in": "from"}
"""After these it is somebody else who does it: sent to the wallet, received from it."""
_TAKERS = frozenset(("market", "taker", "aggressor", "aggressive"))
"""Words for who begins a trade, which is the side of it."""
_HELD = frozenset(("long", "short", "longs", "shorts"))
"""Words for positions."""
_APART = frozenset(("apart", "separately", "separate", "split", "individually"))
_BOTH = PhraseTable(
  (phrase, None)
  for phrase in split_phrases(
    "buy and sell; sell and buy; buys and sells; sells and buys; long and short; longs and shorts"
  )
)

WORDS = (
  _DIRECTIONS.keys()
  | _TAKERS
  | frozenset((*_SIDES, "buy", "sell", "long", "short", "longs", "shorts"))
)


def key_before(tokens: Sequence[Token], first: int) -> str:
  """The key whose value begins at `first`, without quotation marks; empty where there is none."""
  before = [token.word for token in tokens[:first] if token.text not in ("'", '"')][-2:]
  return before[0] if len(before) == 2 and before[1] in ("=", ":") else ""


def _moved(tokens: Sequence[Token], first: int) -> Chunk | None:
  """Which way something moves at a wallet: what it receives, going out of it; both ways add
  nothing."""
  found = _WALLET_VERBS.longest_at(tokens, first)
  if found is None or all(token.kind != ADDRESS for token in tokens):
    return None
  direction, end = found
  joined = end < len(tokens) and tokens[end].word in ("or", "and", "/", "&")
  other = _WALLET_VERBS.longest_at(tokens, end + 1) if joined and end + 1 < len(tokens) else None
  if other is not None and other[0] != direction:
    return Chunk(FILTER, first, other[1], "direction")
  if tokens[first].word == "send" and first == 0:
    # Send me the transfers.
    return None
  if end < len(tokens) and tokens[end].word in (_OTHER_END[direction], "me", "us"):
    return None
  return filter_chunk("direction", first, end, {"direction": direction}, ALIAS)


def side_at(tokens: Sequence[Token], first: int) -> Chunk | None:
  """The side or position that begins at `first`: a filter, which for both of them adds nothing."""
  both = _BOTH.longest_at(tokens, first)
  if both is not None:
    name, end = "position" if tokens[first].word in _HELD else "side", both[1]
    if end < len(tokens) and tokens[end].word in _APART:
      values = ("long", "short") if name == "position" else ("buy", "sell")
      facts: list[Fact] = [("filter", {name: value}, EXACT) for value in values]
      return Chunk(FILTER, first, end + 1, name, facts=facts)
    return Chunk(FILTER, first, end, name)
  moved = _moved(tokens, first)
  if moved is not None:
    return moved
  word = tokens[first].word
  after = tokens[first + 1].word if first + 1 < len(tokens) else ""
  before = tokens[first - 1].word if first else ""
  if word in _DIRECTIONS:
    return filter_chunk("direction", first, first + 1, {"direction": _DIRECTIONS[word]})
  if word in _HELD:
    if after in ("position", "positions") and any(t.word.startswith("liq") for t in tokens):
      return filter_chunk("position", first, first + 2, {"position": word.rstrip("s")})
    if key_before(tokens, first) in ("side", "position"):
      return filter_chunk("position", first, first + 1, {"position": word.rstrip("s")})
    # Long liquidations, long BTC liquidations, liquidations long.
    near = (before, *(token.word for token in tokens[first + 1 : first + 3]))
    beside = any(other.startswith("liq") for other in near)
    if not beside and word in ("long", "short"):
      return None
    return filter_chunk("position", first, first + 1, {"position": word.rstrip("s")})
  if word in _TAKERS and after in (*_SIDES, "buy", "sell"):
    side = _SIDES.get(after, after)
    return filter_chunk("side", first, first + 2, {"side": side})
  if word in _SIDES:
    return filter_chunk("side", first, first + 1, {"side": _SIDES[word]})
  if word in _DONE_TO and after == "of":
    return filter_chunk("side", first, first + 1, {"side": _DONE_TO[word]})
  if word in _DOING and (after in _DONE or before == "only"):
    return filter_chunk("side", first, first + 1, {"side": _DOING[word]})
  if word not in ("buy", "sell"):
    return None
  third = tokens[first + 2].word if first + 2 < len(tokens) else ""
  if after == "/" and third in ("buy", "sell"):
    return Chunk(FILLER, first, first + 3)
  # Buy side, sell-side.
  ends = [match_words(tokens, first, (word, noun)) for noun in ("side", "pressure")]
  end = next(filter(None, ends), first + 1)
  return filter_chunk("side", first, end, {"side": word})
