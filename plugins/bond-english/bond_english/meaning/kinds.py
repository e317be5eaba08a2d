"""Which kinds of data a request is for, also where it names them in a roundabout way."""

from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.text.chunks import (
  ALIAS,
  ASSET,
  ASSUMED,
  AUTHOR,
  AVERAGE,
  BOUND,
  CONJUNCTION,
  EVENT,
  FILLER,
  FILTER,
  KIND,
  METRIC,
  PAIR,
  PROVIDER,
  QUERY,
  UNKNOWN,
  VAGUE_KIND,
  WEAK_KIND,
  Chunk,
  How,
)
from bond_english.words import data


def resolve_kinds(request: Request, findings: Findings) -> None:
  """Makes kinds of what stands for one: transfers, market data, sentiment, headlines of a provider,
  worth."""
  for chunk in request.having(EVENT):
    _make_kinds(chunk, ("onchain",), chunk.how)
  for chunk in request.having(PROVIDER, METRIC):
    _metric_or_provider(request, findings, chunk)
  for chunk in request.having(VAGUE_KIND):
    _vague(request, findings, chunk)
  for chunk in request.having(AVERAGE):
    # A window has the average price, and no other average.
    if request.kinds() and request.kinds() <= {"price", "vwap"}:
      chunk.make_filler()
    else:
      chunk.make_unknown()
  for index, chunk in request.indexed(WEAK_KIND):
    following = request.following(index)
    compared = following is not None and following.role == BOUND and following.value.side
    if request.kinds() or compared:
      chunk.make_filler()
    else:
      chunk.role, chunk.how = KIND, ALIAS


def _metric_or_provider(request: Request, findings: Findings, chunk: Chunk) -> None:
  kind = chunk.value
  if kind == "gas":
    # Blocks have their fee as a field; without blocks a fee is a kind of its own.
    chunk.facts = []
    if "onchain" in request.kinds():
      chunk.role, chunk.facts = FILTER, [("note", "a field of the events", chunk.how)]
    else:
      _make_kinds(chunk, ("gas",), ALIAS)
  elif kind in request.kinds():
    chunk.role, chunk.value = FILTER, chunk.role
  elif chunk.role == METRIC and kind == "tweets":
    _make_kinds(chunk, (kind,), ASSUMED)
    findings.warn(f"{request.text_of(chunk)!r} is taken for that of {data.KINDS[kind].label}")
  else:
    if kind == "onchain":
      chunk.facts.append(("filter", {"event_types": ["metric"]}, chunk.how))
    _make_kinds(chunk, (kind,), ALIAS)


def _vague(request: Request, findings: Findings, chunk: Chunk) -> None:
  kinds = chunk.value
  named = request.kinds()
  texts = data.TEXTS.issuperset(kinds) and not data.TEXTS.isdisjoint(named)
  if named.issuperset(kinds) or texts:
    chunk.make_filler()
    return
  labels = " and ".join(data.KINDS[kind].label for kind in kinds)
  findings.warn(f"{request.text_of(chunk)!r} is taken for {labels}")
  _make_kinds(chunk, kinds, ASSUMED)


def assume_kinds(request: Request, findings: Findings) -> None:
  """Assumes a kind for a request that names none and has no question yet: trades where a side is
  named, tweets where an author is, else the price."""
  if findings.rejections or findings.questions:
    return
  if _symbol_is_joined_with_texts(request):
    _assume(
      findings,
      "price",
      "a symbol joined with posts or chain events; its price is taken to be meant",
    )
    return
  if request.kinds() or request.having(UNKNOWN):
    return
  filters = {chunk.value for chunk in request.having(FILTER) if isinstance(chunk.value, str)}
  if "depth" in filters:
    findings.assume("source", "orderbook", ALIAS)
  elif any(token.word == "everything" for token in request.tokens):
    findings.ask("Which data: price, trades, order book, funding, tweets, …?")
  elif "side" in filters:
    _assume(findings, "trades", "buys and sells are taken for trades")
  elif "position" in filters:
    _assume(findings, "liquidations", "longs and shorts are taken for their liquidations")
  elif request.having(AUTHOR) or (request.having(QUERY) and not request.having(ASSET, PAIR)):
    _assume(findings, "tweets", "no kind of data is named; taken for tweets")
  elif request.having(ASSET, PAIR):
    _assume(findings, "price", "no kind of data is named; taken for the price")


def _symbol_is_joined_with_texts(request: Request) -> bool:
  """Whether symbols are joined with data of no market: BTC/USDT + tweets is a price and tweets."""
  if not request.kinds() or not request.kinds() <= data.TEXTS | {"onchain"}:
    return False
  first_kind = next((index for index, _ in request.indexed(KIND)), 0)
  joint = request.previous(first_kind, skip=(FILLER,))
  if joint is None or joint.role != CONJUNCTION:
    return False
  if joint.value not in ("+", "&", "plus", "and", "with"):
    return False
  before = request.previous(request.chunks.index(joint), skip=(FILLER,))
  symbols_after = any(chunk.role in (ASSET, PAIR) for chunk in request.chunks[first_kind:])
  return before is not None and before.role in (ASSET, PAIR) and not symbols_after


def _assume(findings: Findings, kind: str, warning: str) -> None:
  findings.assume("source", kind, ASSUMED)
  findings.warn(warning)


def _make_kinds(chunk: Chunk, kinds: tuple[str, ...], how: How) -> None:
  chunk.role, chunk.value, chunk.how = KIND, kinds, how
