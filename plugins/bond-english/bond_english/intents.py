"""Requests that are for no stream: orders, questions about Bond, changes of another stream."""

from bond_english.draft import Draft
from bond_english.marks import (
  ASSET,
  BOUND,
  EDIT,
  FILLER,
  FILTER,
  INTERVAL,
  JOIN,
  KIND,
  OF,
  PAIR,
  REFUSED,
  UNKNOWN,
  WEAK,
  Mark,
)
from bond_english.phrases import Phrases
from bond_english.words import beyond

_HELP = Phrases((phrase, None) for phrase in beyond.HELP)
_ORDERS = Phrases((phrase, None) for phrase in beyond.ORDERS)

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
  "A stream is live and has no past: replay a recording (source core.jsonl), or follow a server's "
  "stream with from=now-5m while its log reaches back"
)
WHICH_STREAM = "Same as which stream? Say the whole request, for example: ETH price every 5s"


def find_intents(draft: Draft) -> None:
  """Notes why a request cannot be a stream, or what it would be a change of."""
  _orders(draft)
  _help(draft)
  if draft.of(EDIT):
    draft.ask(WHICH_STREAM)
  for mark in draft.of(REFUSED):
    _refuse(draft, mark)


def _orders(draft: Draft) -> None:
  tokens = draft.tokens
  for at in range(len(tokens)):
    if _ORDERS.at(tokens, at) is not None and not _is_data(draft, at):
      draft.rejections.append(NO_ORDERS)
      return
  start = _first_content(draft)
  for number, mark in enumerate(draft.marks):
    word = draft.word(mark)
    if mark.last != mark.first + 1 or word not in beyond.ORDER_VERBS or mark.left_out:
      continue
    begins = number == start or (number > 0 and draft.marks[number - 1].slot == JOIN)
    following = draft.after(number, over=(FILLER,))
    if _trades(draft, number, mark, begins, following):
      draft.rejections.append(NO_ORDERS)
      mark.slot, mark.value, mark.facts = REFUSED, (word, "order"), []
      return


def _trades(draft: Draft, number: int, mark: Mark, begins: bool, following: Mark | None) -> bool:
  """Whether a verb is an order: buy 1 BTC, short ETH; not buy trades, long liquidations."""
  word = draft.word(mark)
  named = following is not None and following.slot in (ASSET, PAIR, BOUND)
  named = named or (following is not None and draft.tokens[following.first].text[0].isdigit())
  if word in ("buy", "sell", "purchase"):
    previous = draft.before(number, over=(FILLER,))
    if following is not None and following.slot in (KIND, WEAK):
      return False
    if following is None:
      return previous is None or previous.slot not in (KIND, FILTER, JOIN)
    if previous is not None and previous.slot == KIND and not named:
      return False
    if named:
      behind = draft.after(draft.marks.index(following), over=(FILLER,))
      sided = behind is not None and behind.slot == KIND and "trades" in behind.value
      return not sided
    return begins or draft.word(following) in ("it", "them", "some", "more")
  if not begins or not named or following is None:
    return False
  if word == "trade":
    others = [m for m in draft.of(KIND, INTERVAL) if m is not mark]
    return not others
  if word in ("send", "transfer", "swap", "convert", "bridge"):
    return draft.tokens[following.first].text[0].isdigit() or word in ("swap", "convert", "bridge")
  return True


def _is_data(draft: Draft, at: int) -> bool:
  """Limit order book, market order flow: names of data that begin like an order."""
  return any(mark.slot == KIND and mark.first <= at < mark.last for mark in draft.marks)


def _first_content(draft: Draft) -> int:
  for number, mark in enumerate(draft.marks):
    polite = mark.slot == FILLER or draft.word(mark) in beyond.GREETINGS
    if not polite or draft.word(mark) in beyond.ORDER_VERBS:
      return number
  return -1


def _help(draft: Draft) -> None:
  tokens = draft.tokens
  asks = bool(draft.of(ASSET, PAIR, KIND))
  for at in range(len(tokens)):
    found = _HELP.at(tokens, at)
    if found is None:
      continue
    short = found[1] == at + 1 and tokens[at].word in beyond.HELP_ALONE
    if short and asks:
      continue
    early = all(mark.slot in (FILLER, JOIN, OF, UNKNOWN) for mark in draft.marks if mark.last <= at)
    if early:
      draft.rejections.append(HOW_TO_ASK)
      for mark in draft.marks:
        if mark.slot == UNKNOWN and at <= mark.first < found[1]:
          draft.ignore(mark)
      return
  content = [mark for mark in draft.marks if mark.slot not in (FILLER, JOIN, OF)]
  greeted = any(token.word in beyond.GREETINGS for token in tokens)
  if not tokens or (not content and greeted):
    draft.rejections.append(HOW_TO_ASK)
    return
  start = _first_content(draft)
  if start >= 0 and draft.word(draft.marks[start]) in beyond.CONTROL:
    draft.rejections.append(NO_CONTROL)
    draft.ignore(draft.marks[start])


def _refuse(draft: Draft, mark: Mark) -> None:
  what, why = mark.value
  if why == "history":
    draft.rejections.append(NO_HISTORY)
    # The price of last week is no data that a stream has.
    for other in draft.of(KIND):
      other.slot, other.value, other.facts = REFUSED, (draft.written(other), "of the past"), []
  elif why == "ask":
    draft.ask(what)
  elif why == "equity":
    told = f"{what} is no crypto asset, and nothing installed has stocks, indices or currencies"
    if draft.of(ASSET, PAIR):
      draft.ask(f"{told}; leave it out?", leave_out=True)
    else:
      draft.rejections.append(told)
