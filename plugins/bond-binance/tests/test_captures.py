"""Real recorded frames through the feed, against what the files themselves say."""

import json
import re
from decimal import Decimal

import pytest
from bond_binance import config
from bond_binance.feed import binance_feed

from bond_core import Gap, OrderBook, Ticker, Trade, parse_market
from bond_core.feeds import Fetch, Moment, Response

CASES = {
  "spot": ("binance-2024/spot_btcusdt_20240808.gz", "BTC/USDT", 9757, 28_040),
  "usdm": ("binance-2024/usdm_btcusdt_20240808.gz", "BTC/USDT:USDT", 21_313, 66_089),
}


# Binance writes prices and sizes as texts.
DECIMAL = re.compile(rb'"(-?\d+\.?\d*)"')


def opened(*sources, aggregate=False):
  """A feed with one connection that carries the subscriptions of some configurations."""
  feed = binance_feed(config.Connection(aggregate=aggregate))
  subscriptions = [s for source in sources for s in source.subscriptions()]
  feed.on_open(1, subscriptions, overlap=False, now=Moment(0, 0))
  return feed


def pending_snapshots(feed):
  found = [a for a in feed.actions if isinstance(a, Fetch) and a.purpose.startswith("snapshot")]
  feed.actions.clear()
  return found


def play(feed, lines):
  """The events of a recording in the 2024 format; in-line snapshots answer the feed's requests."""
  wanted = []
  events = []
  for line in lines:
    stamp, _, frame = line.partition(b" ")
    received = Moment(int(stamp) // 1_000_000, int(stamp))
    frame = frame.replace(b"@depth@0ms", b"@depth@100ms")
    wanted += pending_snapshots(feed)
    if frame.startswith(b'{"stream"'):
      events += feed.on_frames(1, [frame], received)
    elif wanted:
      events += feed.on_response(wanted.pop(0), Response(200, {}, frame), received)
  return events


def naive_books(lines):
  """(sequence, bids, asks) after each applied diff, by the venue's recipe and nothing of Bond's."""
  book, last, early = None, None, []
  for line in lines:
    message = json.loads(line.partition(b" ")[2])
    if "lastUpdateId" in message:
      book = [{float(p): float(s) for p, s in message[side]} for side in ("bids", "asks")]
      last = message["lastUpdateId"]
      ready, early = early, []
      yield last, *book
    elif "@depth" in message["stream"]:
      ready = [message["data"]]
      if book is None:
        early += ready
        continue
    else:
      continue
    for diff in ready:
      if diff["u"] <= last:
        continue
      for side, levels in zip(book, (diff["b"], diff["a"]), strict=True):
        for price, size in levels:
          if float(size):
            side[float(price)] = float(size)
          else:
            side.pop(float(price), None)
      last = diff["u"]
      yield last, *book


@pytest.mark.parametrize("case", CASES)
def test_every_trade_and_quote_arrives_once_in_order_with_its_values(case, recorded):
  path, symbol, trades, quotes = CASES[case]
  feed = opened(
    config.Trades(symbols=[symbol]),
    config.Tickers(symbols=[symbol]),
    config.Books(symbols=[symbol]),
  )
  events = play(feed, recorded(path))
  got = [e for e in events if isinstance(e, Trade)]
  wanted = [
    m["data"]
    for m in (json.loads(line.partition(b" ")[2]) for line in recorded(path))
    if m.get("stream", "").endswith("@trade")
  ]
  assert len(got) == trades
  assert [(int(e.trade_id), e.ts_exchange, e.maker) for e in got] == [
    (m["t"], m["T"], m["m"]) for m in wanted
  ]
  assert all(
    Decimal(repr(e.price)) == Decimal(m["p"]) and Decimal(repr(e.size)) == Decimal(m["q"])
    for e, m in zip(got, wanted, strict=True)
  )
  assert {e.symbol for e in got} == {"BTC/USDT"}
  assert {e.market_type for e in got} == {"spot" if case == "spot" else "perp"}
  tickers = [e.sequence for e in events if isinstance(e, Ticker)]
  assert len(tickers) == quotes
  assert tickers == sorted(set(tickers))
  assert not [e for e in events if isinstance(e, Gap)]
  assert feed.unknown == 0


@pytest.mark.parametrize("case", CASES)
def test_the_book_equals_an_independent_reconstruction_at_each_update(case, recorded):
  path, symbol, _, _ = CASES[case]
  feed = opened(config.Books(symbols=[symbol]))
  events = [
    e
    for e in play(feed, (x for x in recorded(path) if b"@trade" not in x and b"bookT" not in x))
    if isinstance(e, OrderBook)
  ]
  assert events[0].is_reset
  assert events[0].update_type == "snapshot"
  bids, asks, sequence = {}, {}, None
  reference = iter(naive_books(recorded(path)))
  compared = 0
  for event in events:
    if event.update_type == "snapshot":
      bids, asks = dict(event.bids), dict(event.asks)
    else:
      assert event.prev_sequence == sequence
      for side, levels in ((bids, event.bids), (asks, event.asks)):
        for price, size in levels:
          if size:
            side[price] = size
          else:
            side.pop(price, None)
    sequence = event.sequence
    _, naive_bids, naive_asks = next(r for r in reference if r[0] == sequence)
    for side, ours, theirs in ((event.bids, bids, naive_bids), (event.asks, asks, naive_asks)):
      assert [ours.get(price) for price, _ in side] == [theirs.get(price) for price, _ in side]
      assert len(ours) == len(theirs)
    if compared % 25 == 0:
      assert bids == naive_bids
      assert asks == naive_asks
    compared += 1
  assert bids == naive_bids
  assert asks == naive_asks
  assert compared > 3000


def captures(recorded, name):
  """(receive time, frame or (url, body)) of a capture in cryptofeed's format."""
  for line in recorded(f"captures/{name}"):
    if line.startswith((b"http", b"wss")):
      url, _, rest = line.partition(b" -> ")
      if rest:
        stamp, _, body = rest.partition(b": ")
        yield float(stamp), (url.decode(), body)
    elif line and line[:1].isdigit():
      stamp, _, frame = line.partition(b": ")
      yield float(stamp), frame


@pytest.mark.parametrize(
  ("venue_name", "symbols", "market"),
  [
    ("BINANCE", ["NKN/USDT", "BLZ/ETH", "LRC/BTC", "RUNE/EUR"], "spot"),
    ("BINANCE_FUTURES", ["SUSHI/USDT", "AKRO/USDT", "KEEP/USDT", "CTK/USDT"], "perp"),
  ],
)
def test_the_captures_of_2021_give_what_they_hold(recorded, venue_name, symbols, market):
  feed = opened(
    config.Trades(symbols=symbols, market=market, aggregate=True),
    config.Tickers(symbols=symbols, market=market),
    config.Books(symbols=symbols, market=market),
    config.Candles(symbols=symbols, market=market),
    aggregate=True,
  )
  answers = {}
  for stamp, (url, body) in captures(recorded, f"{venue_name}.http.0.0.gz"):
    answers[url.partition("symbol=")[2].partition("&")[0]] = (stamp, body)
  wanted = {}
  frames = list(captures(recorded, f"{venue_name}.ws.1.0.gz"))
  timeline = [(stamp, None, frame) for stamp, frame in frames]
  timeline += [(stamp, name, body) for name, (stamp, body) in answers.items()]
  events = []
  for stamp, name, payload in sorted(timeline, key=lambda entry: entry[0]):
    received = Moment(int(stamp * 1000), int(stamp * 1e9))
    if name is None:
      events += feed.on_frames(1, [payload], received)
      events += feed.on_timer(received)
      wanted |= {
        f.subscription.instrument.symbol.replace("/", ""): f for f in pending_snapshots(feed)
      }
    else:
      events += feed.on_response(wanted[name], Response(200, {}, payload), received)
  assert set(wanted) == set(answers)
  counts = {}
  for _, frame in frames:
    kind = json.loads(frame)["stream"].partition("@")[2]
    counts[kind] = counts.get(kind, 0) + 1
  assert sum(isinstance(e, Trade) for e in events) == counts["aggTrade"]
  assert sum(isinstance(e, Ticker) for e in events) == counts["bookTicker"]
  assert sum(e.channel == "candle" for e in events) == counts["kline_1m"]
  assert {e.symbol for e in events if isinstance(e, OrderBook)} == set(symbols)
  assert not [e for e in events if isinstance(e, Gap)]
  assert {e.symbol for e in events} <= {parse_market(s).symbol for s in symbols}


def test_every_decimal_of_the_captures_survives_as_a_float(recorded):
  seen = set()
  for path, *_ in CASES.values():
    for line in recorded(path):
      seen.update(DECIMAL.findall(line))
  for name in ("BINANCE", "BINANCE_FUTURES"):
    for _, frame in captures(recorded, f"{name}.ws.1.0.gz"):
      seen.update(DECIMAL.findall(frame))
  assert len(seen) > 30_000
  texts = [text.decode() for text in seen]
  assert [t for t in texts if Decimal(repr(float(t))) != Decimal(t)] == []
