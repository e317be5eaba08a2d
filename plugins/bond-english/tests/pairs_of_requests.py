"""Requests made of parts, in pairs: two ways to say one thing, and two things a word apart.

Everything is drawn from a seed, so that a pair that fails is the same tomorrow.
"""

import random
from collections.abc import Iterator
from typing import NamedTuple

ASSETS = {
  "BTC": "bitcoin",
  "ETH": "ethereum",
  "SOL": "solana",
  "DOGE": "dogecoin",
  "LTC": "litecoin",
}
VENUES = ("binance", "okx", "bybit", "kraken")
INTERVALS = {
  "every 5s": (
    "every 5 seconds",
    "each 5 s",
    "every five seconds",
    "5 second updates",
    "once every 5s",
  ),
  "every minute": ("each minute", "every 60 seconds", "once a minute", "every 1m", "1x per minute"),
  "every 250ms": ("4 times per second", "every 250 milliseconds", "every quarter second"),
  "every 2 hours": ("every two hours", "each 2h", "every 120 minutes"),
}
KINDS = {
  "price": ("prices", "ticker", "last price"),
  "trades": ("trade", "prints", "executions"),
  "order book": ("orderbook", "order books", "book", "L2"),
  "funding": ("funding rate", "funding rates"),
  "open interest": ("OI", "open-interest"),
  "liquidations": ("liqs", "liquidation"),
  "volume": ("trading volume", "turnover"),
}
MARKETS = {"perp": ("perpetual", "perps"), "spot": ("spot market",)}
BOUNDS = {
  "over $100k": (
    "above $100,000",
    "> $100k",
    "of at least 100k usd",
    "bigger than $100k",
    "$100k+",
  ),
  "under $500": ("below 500 usd", "< $500", "smaller than $500"),
}
POLITE = (
  "please show me the {}",
  "I'd like to see {}",
  "{}, please",
  "can you stream {}?",
  "hey, {} thanks",
  "my boss wants the {}",
  "for my thesis I need {}",
  "honestly I'm just curious about this: {}",
  "hiya! {}",
  "context: a study of slippage. data: {}",
  "our desk backtests the basis, so {}",
  "my flatmate insists on {}",
  "{}, if it isn't too much trouble",
  "{} for my arb bot",
  "{} so that I can compute the ratio myself",
  "{}. Yours sincerely, Marianne",
)
WALLET = "0x28C6c06298d514Db089934071355E5743bf21d60"
DERIVATIVES = ("funding", "open interest", "liquidations")


class Request(NamedTuple):
  """The parts of a request; None where one is left out."""

  asset: str
  kind: str
  venue: str | None
  interval: str | None
  market: str | None
  bound: str | None

  def text(self) -> str:
    """The request in its plainest form."""
    who = " ".join(filter(None, (self.asset, self.market)))
    where = f"on {self.venue}" if self.venue else None
    return " ".join(filter(None, (who, self.kind, self.bound, where, self.interval)))


def requests(seed: int) -> Iterator[Request]:
  """Requests without end."""
  chance = random.Random(seed)
  while True:
    kind = chance.choice(list(KINDS))
    sized = kind in ("trades", "liquidations")
    market = chance.choice([None, "perp", "spot"]) if kind not in DERIVATIVES else None
    yield Request(
      chance.choice(list(ASSETS)),
      kind,
      chance.choice([None, *(VENUES[1:3] if kind == "open interest" else VENUES[:3])]),
      chance.choice([None, *INTERVALS]),
      market,
      chance.choice([None, *BOUNDS]) if sized else None,
    )


def paraphrases(seed: int, count: int) -> Iterator[tuple[str, str]]:
  """Pairs of texts that mean the same."""
  chance = random.Random(seed)
  made = 0
  for request in requests(seed):
    ways = [_other_word, _polite, _case, _order, _punctuation, _of]
    text = chance.choice(ways)(request, chance)
    if text != request.text():
      yield request.text(), text
      made += 1
    if made == count:
      return


def _other_word(request: Request, chance: random.Random) -> str:
  """The same with another word for one part, or two."""
  others = {
    "asset": (ASSETS[request.asset],),
    "kind": KINDS[request.kind],
    "interval": INTERVALS.get(request.interval or "", ()),
    "market": MARKETS.get(request.market or "", ()),
    "bound": BOUNDS.get(request.bound or "", ()),
  }
  names = [name for name, words in others.items() if words]
  for name in chance.sample(names, min(2, len(names))):
    request = request._replace(**{name: chance.choice(others[name])})
  return request.text()


def _polite(request: Request, chance: random.Random) -> str:
  return chance.choice(POLITE).format(request.text())


def _case(request: Request, chance: random.Random) -> str:
  return chance.choice([str.lower, str.title])(request.text().replace("BTC", "bitcoin"))


def _order(request: Request, chance: random.Random) -> str:
  """The modifiers before the rest, or in another order after it."""
  where = f"on {request.venue}" if request.venue else ""
  who = " ".join(filter(None, (request.asset, request.market)))
  what = " ".join(filter(None, (request.kind, request.bound)))
  parts = [part for part in (where, request.interval) if part]
  chance.shuffle(parts)
  if chance.random() < 0.5 and parts:
    return f"{parts[0]}: {who} {what}{''.join(f' {part}' for part in parts[1:])}"
  return " ".join([who, what, *parts])


def _punctuation(request: Request, chance: random.Random) -> str:
  where = f"on {request.venue}" if request.venue else ""
  who = " ".join(filter(None, (request.asset, request.market)))
  parts = [f"{who} {request.kind}", request.bound, where, request.interval]
  joint = chance.choice([", ", "; ", " - ", " ... "])
  return joint.join(filter(None, parts)) + chance.choice(["", ".", "!", "?"])


def _of(request: Request, chance: random.Random) -> str:
  where = f" on {request.venue}" if request.venue else ""
  who = " ".join(filter(None, (request.asset, request.market)))
  bound = f" {request.bound}" if request.bound else ""
  interval = f" {request.interval}" if request.interval else ""
  return f"{request.kind}{bound} {chance.choice(['of', 'for'])} {who}{where}{interval}"


def contrasts(seed: int, count: int) -> Iterator[tuple[str, str]]:
  """Pairs of texts that differ in a word that counts."""
  chance = random.Random(seed)
  fixed = [
    ("{} trades over $1m", "{} trades under $1m"),
    ("{} spot price every 5s", "{} perp price every 5s"),
    ("long liquidations of {}", "short liquidations of {}"),
    ("{} liquidations but not longs", "{} liquidations but not shorts"),
    ("{} trades, buys only", "{} trades, sells only"),
    ("{} trades with buys", "{} trades without buys"),
    ("{} price and tweets every 5s", "{} price without tweets every 5s"),
    ("{} trades over 5k usd", "{} trades over 5k eur"),
    ("{} price every 5s", "{} price every 5m"),
    ("{} trades over $1m", "{} trades over $1k"),
    ("{} 1m candles", "{} 1h candles"),
    ("{} price above 100", "{} price below 100"),
    ("{} order book depth 5", "{} order book depth 50"),
    ("{} trades", "{} trades without the small ones (< $1000)"),
    ("average {} price across binance and okx", "{} price on binance and okx"),
    ("number of tweets about {} every minute", "tweets about {} every minute"),
    ("{} up 5% in 10 minutes", "{} down 5% in 10 minutes"),
    ("consolidated order book of {} on binance and okx", "order book of {} on binance and okx"),
    ("{} inverse perp trades on okx", "{} perp trades on okx"),
    (f"usdc transfers to {WALLET}, {{}} price", f"usdc transfers from {WALLET}, {{}} price"),
    ("{} price on all exchanges", "{} price on all exchanges except okx"),
    ("{} funding on binance, {} price on okx", "{} funding on okx, {} price on binance"),
    ("every {} trade", "{} trades every 10s"),
    ("{} 5 minute vwap", "{} 15 minute vwap"),
    ("{} buys on binance and sells on okx", "{} sells on binance and buys on okx"),
    ("{} order book 10", "{} order book 25"),
    ("{} price and tweets, drop the tweets", "{} price and tweets"),
    ("{} price, tweets and funding but leave the funding out", "{} price, tweets and funding"),
    ("{} funding above 0.01%", "{} funding above -0.01%"),
    ("{}USD perp trades on binance", "{}USDT perp trades on binance"),
    ("orderbook.50.{}USDT", "orderbook.200.{}USDT"),
    ("{} price above 100 or below 50", "{} price above 100"),
    ("{} trades at a price over 100 usd", "{} trades over 100 usd"),
    ("{} trades on okx, wait, on bybit", "{} trades on okx"),
    ("{} order book, 20 levels - actually 50", "{} order book, 20 levels"),
    ("ignore small stuff: {} trades over $20k", "ignore small stuff: {} trades under $20k"),
    ("1h and 5m candles of {}", "1h candles of {}"),
    ("bbo of {} on okx and bybit, consolidated", "bbo of {} on okx and bybit"),
    ("average {} bid and ask every 5s", "{} bid and ask every 5s"),
    ("{} trades over two hundred and fifty usd", "{} trades over two hundred usd"),
    ("wss://fstream.binance.com/ws/{}USDT@aggTrade", "wss://stream.binance.com/ws/{}USDT@aggTrade"),
    ("5m candles of {} on binance and 1h candles of ETH on okx", "5m candles of {} and ETH on okx"),
    (f"transfers {WALLET} sends, {{}} price", f"transfers {WALLET} receives, {{}} price"),
    (f"transfers out of {WALLET}, {{}} price", f"transfers into {WALLET}, {{}} price"),
    (f"transfers of {WALLET}, never what it sends, {{}} price", f"{WALLET} transfers, {{}} price"),
    ("{} trades on okx and bybit every 10s, blended", "{} trades on okx and bybit every 10s"),
    ("mix {} prices of okx and bybit", "{} prices of okx and bybit"),
    ("all {} trades and the book every 1s", "{} trades and the book every 1s"),
    ("{} trades and book every 1s, no aggregation", "{} trades and book every 1s"),
    ("30s bars from {} trades", "30s bars and {} trades"),
    ("volume of {} trades", "volume and {} trades"),
    ("tweets about {} not from elonmusk", "tweets about {}"),
    ("tweets about {} without replies", "tweets about {}"),
    ("Polygon: USDC transfers, {} price", "Arbitrum: USDC transfers, {} price"),
  ]
  source = requests(seed)
  for number in range(count):
    if number % 2:
      one, other = chance.choice(fixed)
      asset = chance.choice(list(ASSETS))
      yield one.replace("{}", asset), other.replace("{}", asset)
      continue
    request = next(source)
    name = chance.choice(["asset", "kind", "venue", "interval"])
    pools = {"asset": ASSETS, "kind": KINDS, "venue": VENUES[:3], "interval": INTERVALS}
    # Not said is every 5 s for some kinds; volume and trades are one row at an interval.
    said = "every 5s" if name == "interval" and request.interval is None else None
    alike = {"volume", "trades"} if getattr(request, name) in ("volume", "trades") else {said}
    others = [v for v in pools[name] if v != getattr(request, name) and v not in alike]
    if name == "kind" and request.bound:
      name, others = "bound", [bound for bound in BOUNDS if bound != request.bound]
    if name == "kind":
      # Binance sends no open interest.
      request = request._replace(venue="okx")
    if name == "venue" and request.kind == "open interest":
      request, others = request._replace(venue="okx"), ["bybit"]
    elif name == "venue" and request.venue is None:
      # What is not said may be the same venue.
      request, others = request._replace(venue="okx"), ["bybit", "binance"]
    if name == "kind" and request.market == "perp":
      request = request._replace(market=None)
    yield request.text(), request._replace(**{name: chance.choice(others)}).text()
