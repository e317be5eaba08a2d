"""Every venue and kind of data that is installed, in several frames, drawn from a seed."""

import random

import pytest
from bond_english.parsing import parse
from installed import WORDS

KINDS = {
  "trades": ("trades", "trade"),
  "orderbook": ("order book", "orderbook"),
  "ticker": ("best bid and ask", "ticker"),
  "funding": ("funding", "funding"),
  "open_interest": ("open interest", "open_interest"),
  "liquidation": ("liquidations", "liquidation"),
  "candle": ("5m candles", "candle"),
}
OF_CONTRACTS = ("funding", "open_interest", "liquidation")
COINS = ["BTC", "ETH", "SOL", "XRP", "DOGE", "AVAX", "LINK", "ADA", "LTC"]
BY_CCXT = ["kraken", "bitget", "kucoin", "bitfinex", "mexc", "htx", "bitstamp", "upbit"]
FRAMES = [
  "{kind} of {coins} on {venue}{market}{bound}{every}",
  "{venue} {coins}{market} {kind}{bound}{every}",
  "please stream {coins}{market} {kind}{bound} from {venue}{every}",
  "{coins}: {kind}{bound},{market} {venue}{every}",
  "I'd like the{market} {kind} for {coins} at {venue}{bound}{every}, thanks",
]
OWN = sorted({source for source in WORDS.values() if source.partition(".")[2] in KINDS})
ROWS = [tuple(source.split(".")) for source in OWN if not source.startswith("ccxt.")]
ROWS += [(v, c) for v in BY_CCXT for c in ("trades", "orderbook", "ticker", "candle")]


@pytest.mark.parametrize(("venue", "channel"), ROWS)
def test_whatever_is_installed_is_delivered_as_it_is_asked_for(venue, channel):
  draw = random.Random(f"{venue} {channel}")
  word, event = KINDS[channel]
  sized, sampled = channel in ("trades", "liquidation"), channel in ("orderbook", "ticker")
  for frame in FRAMES:
    coins = draw.sample(COINS, draw.choice((1, 1, 2)))
    market = "" if channel in OF_CONTRACTS else draw.choice(["", " spot"])
    bound = draw.choice(["", " over $50k"]) if sized else ""
    every, seconds = draw.choice([("", 0), (" every 10s", 10)]) if sampled else ("", 0)
    text = frame.format(
      kind=word,
      coins=draw.choice((", ", " and ", " ")).join(coins),
      venue=venue,
      market=market,
      bound=bound,
      every=every,
    )
    reading = parse(text, WORDS)
    assert reading.outcome in ("ok", "warn"), (text, reading.questions)
    assert reading.missing == [], text
    found = reading.delivers
    assert {d["symbol"].partition("/")[0] for d in found} == {*coins}, text
    assert {d["type"] for d in found} == {event}, text
    assert {d["venue"] for d in found} == {venue}, text
    assert {d["every"] for d in found} == {seconds}, text
    assert {bool(d["where"]) for d in found} == {bool(bound)}, text
    if market:
      assert {d["market"] for d in found} == {"spot"}, text
