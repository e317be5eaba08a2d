"""Requests for no stream: orders, questions about Bond, changes of another stream, the past."""

from bond_english.meaning.findings import Findings
from bond_english.meaning.request import Request
from bond_english.reading.sides import key_before
from bond_english.text.chunks import (
  ASSET,
  BOUND,
  CONJUNCTION,
  EDIT,
  FILLER,
  FILTER,
  INTERVAL,
  KIND,
  OPERATOR,
  PAIR,
  PLAIN,
  PREPOSITION,
  REFUSED,
  UNKNOWN,
  WEAK_KIND,
  Chunk,
)
from bond_english.text.phrases import PhraseTable
from bond_english.words import unsupported

_HELP = PhraseTable((phrase, None) for phrase in unsupported.HELP)
_ORDERS = PhraseTable((phrase, None) for phrase in unsupported.ORDERS)

EXAMPLES = (
  "BTC price + tweets every 5s",
  "ETH trades over $100k on binance",
  "order book depth 20 for SOL every 500ms",
)
HOW_TO_ASK = f"Ask for live data, for example: {'; '.join(EXAMPLES)}"
NO_ORDERS = (
  "Bond streams market data and never trades; ask for the data, for example: BTC price every 5s"
)
NO_CONTROL = "A request starts a stream; stop one with Ctrl-C, or DELETE /v1/streams/ID on a server"
NO_HISTORY = (
  "A stream is live and has no past: play a recording with `bond replay FILE`, or follow a "
  "server's stream with from=now-5m while its log reaches back"
)
WHICH_STREAM = "Same as which stream? Say the whole request, for example: ETH price every 5s"


def detect_intents(request: Request, findings: Findings) -> None:
  """Reports why a request cannot be a stream, or which stream it would change."""
  _orders(request, findings)
  _help(request, findings)
  if any(not _means_the_text(request, chunk) for chunk in request.having(EDIT)):
    findings.ask(WHICH_STREAM)
  for chunk in request.having(REFUSED):
    _report_refusal(request, findings, chunk)


def _means_the_text(request: Request, chunk: Chunk) -> bool:
  """Whether "the same thing" is what stands before it, as a message that was pasted."""
  before = {other.role for other in request.chunks if other.end <= chunk.first}
  said = request.text_of(chunk).lower().removeprefix("the ")
  return said == "same thing" and KIND in before and not before.isdisjoint((ASSET, PAIR))


def _orders(request: Request, findings: Findings) -> None:
  tokens = request.tokens
  if request.having(OPERATOR):
    # Cheapest exchange to buy SOL: a question about prices.
    return
  for at in range(len(tokens)):
    found = _ORDERS.longest_at(tokens, at)
    if found is not None and not _names_data(request, at, found[1]):
      findings.reject(NO_ORDERS)
      return
  start = _first_content(request)
  for index, chunk in enumerate(request.chunks):
    word = request.first_word(chunk)
    single = chunk.end == chunk.first + 1
    if not single or word not in unsupported.ORDER_VERBS or chunk.left_out:
      continue
    if key_before(request.tokens, chunk.first) == "side":
      # "side": "sell" of trades.
      continue
    begins = index == start or (index > 0 and request.chunks[index - 1].role == CONJUNCTION)
    if _is_order(request, index, chunk, begins):
      findings.reject(NO_ORDERS)
      chunk.refuse(word, "order")
      return


def _is_order(request: Request, index: int, chunk: Chunk, begins: bool) -> bool:
  """Whether a verb is an order: buy 1 BTC, short ETH; not buy trades, long liquidations. `begins`
  says that the request or a part of it begins with the verb."""
  word = request.first_word(chunk)
  following = request.following(index, skip=(FILLER, PLAIN))
  number = following is not None and request.tokens[following.first].text[0].isdigit()
  names_object = following is not None and (following.role in (ASSET, PAIR, BOUND) or number)
  if word in ("buy", "sell", "purchase"):
    previous = request.previous(index, skip=(FILLER, PLAIN))
    if following is not None and following.role in (KIND, WEAK_KIND):
      return False
    if following is not None and following.role == UNKNOWN and request.having(KIND):
      # Sell walls of a book: a question about data.
      return False
    if following is None:
      return previous is None or previous.role not in (KIND, FILTER, CONJUNCTION)
    if previous is not None and previous.role == KIND and not names_object:
      return False
    if names_object:
      after = request.following(request.chunks.index(following), skip=(FILLER, PLAIN))
      sided_trades = after is not None and after.role == KIND and "trades" in after.value
      return not sided_trades
    return begins or request.first_word(following) in ("it", "them", "some", "more")
  if not begins or not names_object or following is None:
    return False
  after = request.following(request.chunks.index(following))
  if after is not None and after.role == KIND:
    # Long BTC liquidations, swap ETH funding: data of the asset right before it.
    return False
  if word == "trade":
    others = [other for other in request.having(KIND, INTERVAL) if other is not chunk]
    return not others
  if word in ("send", "transfer"):
    return number
  return True


def _names_data(request: Request, first: int, end: int) -> bool:
  """Limit order book, spot market order book: names of data with an order in them."""
  return any(
    chunk.role == KIND and chunk.first < end and first < chunk.end for chunk in request.chunks
  )


def _first_content(request: Request) -> int:
  """The index of the first chunk that is more than polite; -1 for none."""
  for index, chunk in enumerate(request.chunks):
    word = request.first_word(chunk)
    polite = chunk.role in (FILLER, PLAIN) or word in unsupported.GREETINGS
    if not polite or word in unsupported.ORDER_VERBS:
      return index
  return -1


def _help(request: Request, findings: Findings) -> None:
  tokens = request.tokens
  names_data = bool(request.having(ASSET, PAIR, KIND))
  for at in range(len(tokens)):
    found = _HELP.longest_at(tokens, at)
    if found is None:
      continue
    single = found[1] == at + 1 and tokens[at].word in unsupported.HELP_WORDS
    if single and names_data:
      continue
    early = all(
      chunk.role in (FILLER, PLAIN, CONJUNCTION, PREPOSITION, UNKNOWN)
      for chunk in request.chunks
      if chunk.end <= at
    )
    if early:
      findings.reject(HOW_TO_ASK)
      for chunk in request.chunks:
        if chunk.role == UNKNOWN and at <= chunk.first < found[1]:
          chunk.make_filler()
      return
  content = any(c.role not in (FILLER, PLAIN, CONJUNCTION, PREPOSITION) for c in request.chunks)
  greeted = any(token.word in unsupported.GREETINGS for token in tokens)
  if not tokens or (not content and greeted):
    findings.reject(HOW_TO_ASK)
    return
  start = _first_content(request)
  if start >= 0 and request.first_word(request.chunks[start]) in unsupported.CONTROL:
    findings.reject(NO_CONTROL)
    request.chunks[start].make_filler()


def _report_refusal(request: Request, findings: Findings, chunk: Chunk) -> None:
  what, reason = chunk.value
  if reason == "history":
    findings.reject(NO_HISTORY)
    # The price of last week is not data of a stream.
    for other in request.having(KIND):
      other.refuse(request.text_of(other), "of the past")
  elif reason == "ask":
    findings.ask(what, *(((chunk.first, chunk.end, words),) for words in chunk.instead))
  elif reason == "equity":
    problem = f"{what} is no crypto asset, and nothing installed has stocks, indices or currencies"
    if request.having(ASSET, PAIR):
      findings.ask(f"{problem}; leave it out?", (request.without(chunk, chunk),))
    else:
      findings.reject(problem)
