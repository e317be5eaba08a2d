"""Real recorded frames through the feed: every checksum of the venue, and every flipped digit."""

import json
import random
import re

from bond_okx import config

from bond_core import Gap, OrderBook, Ticker, Trade

SYMBOLS = ["BTC/USDT", "BTC/USD:BTC-220527", "UNI/USD:UNI"]
CAPTURE = "captures/OKX.ws.1.0.gz"
_TIMED = re.compile(rb"[\d.]+: (\{.*)")


def frames(recorded):
  return [found[1] for line in recorded(CAPTURE) if (found := _TIMED.fullmatch(line))]


def opened(venue):
  return venue(
    config.Trades(symbols=SYMBOLS),
    config.Books(symbols=SYMBOLS, deltas=False),
    config.Tickers(symbols=SYMBOLS, quotes=False),
  )


def test_a_recorded_session_is_read_without_a_gap_and_every_checksum_holds(venue, recorded):
  okx = opened(venue)
  messages = frames(recorded)
  events = [event for frame in messages for event in okx.hear(frame)]
  assert [event for event in events if isinstance(event, Gap)] == []
  assert okx.feed.unreadable == okx.feed.unknown == 0
  told = [m for m in map(json.loads, messages) if "data" in m]
  by_channel = {
    "trades": [e for e in events if isinstance(e, Trade)],
    "tickers": [e for e in events if isinstance(e, Ticker)],
    "books": [e for e in events if isinstance(e, OrderBook)],
  }
  trades = [data for m in told if m["arg"]["channel"] == "trades" for data in m["data"]]
  assert [e.trade_id for e in by_channel["trades"]] == [data["tradeId"] for data in trades]
  books = [m for m in told if m["arg"]["channel"] == "books"]
  assert len(books) > 250
  # Each update carries a checksum, and each was let out because it held.
  assert all(m["data"][0]["checksum"] for m in books)
  assert [e.checksum for e in by_channel["books"]] == [m["data"][0]["checksum"] for m in books]
  assert len(by_channel["tickers"]) > 20


def near_the_top(messages, symbol):
  """(message, row) of each size that stands among the best 25 levels after its update."""
  sides = {"bids": {}, "asks": {}}
  found = []
  for number, frame in enumerate(messages):
    message = json.loads(frame)
    arg = message.get("arg", {})
    if (arg.get("channel"), arg.get("instId")) != ("books", symbol) or "data" not in message:
      continue
    [data] = message["data"]
    for name, side in sides.items():
      if message["action"] == "snapshot":
        side.clear()
      for price, size, *_ in data[name]:
        side.pop(float(price), None)
        if float(size):
          side[float(price)] = size
      best = set(sorted(side, reverse=name == "bids")[:25])
      if message["action"] == "update":
        found += [(number, row) for row in data[name] if float(row[1]) and float(row[0]) in best]
  return found


def flipped(frame, row, rng):
  """One digit of the row's size is another."""
  before = f'["{row[0]}","{row[1]}"'
  at = rng.choice([n for n, digit in enumerate(row[1]) if digit.isdigit()])
  other = str((int(row[1][at]) + rng.randrange(1, 10)) % 10)
  after = f'["{row[0]}","{row[1][:at]}{other}{row[1][at + 1 :]}"'
  assert before.encode() in frame
  return frame.replace(before.encode(), after.encode(), 1)


def test_a_flipped_digit_in_any_update_is_found_and_repairs_that_book_alone(venue, recorded):
  rng = random.Random(1)
  messages = frames(recorded)
  places = near_the_top(messages, "BTC-USDT")
  assert len(places) > 200
  for chosen, row in rng.sample(places, 40):
    okx = opened(venue)
    for frame in messages[:chosen]:
      okx.hear(frame)
    asked = len(okx.asked)
    [gap] = [e for e in okx.hear(flipped(messages[chosen], row, rng)) if isinstance(e, Gap)]
    assert (gap.channel, gap.symbol, gap.market_type) == ("orderbook", "BTC/USDT", "spot")
    assert "the checksum is" in gap.cause
    assert [request["op"] for request in okx.asked[asked:]] == ["unsubscribe", "subscribe"]
    assert {arg["instId"] for r in okx.asked[asked:] for arg in r["args"]} == {"BTC-USDT"}
    later = [event for frame in messages[chosen + 1 :] for event in okx.hear(frame)]
    assert not any(isinstance(event, Gap) for event in later)
    assert {"UNI/USD", "BTC/USD"} & {e.symbol for e in later if isinstance(e, OrderBook)}
