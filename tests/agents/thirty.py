"""Thirty questions as people put them to agents, the call that answers each, and how a reader of
/stream checks the answer. `cursor` in arguments stands for the cursor of the answer before."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs

from tests.agents.reader import Reader

Check = Callable[[dict[str, Any], Reader, dict[str, Any]], None]
COMMON = {"as_of", "age_ms", "state", "fresh", "cursor", "gaps"}


@attrs.frozen
class Question:
  """What is asked, and how."""

  text: str
  tool: str
  arguments: dict[str, Any]
  check: Check


def common(answer: dict[str, Any], reader: Reader, asked: dict[str, Any]) -> None:
  """What holds of every answer."""
  assert set(answer) >= COMMON
  assert answer["state"] in ("simulated", "stale")
  assert answer["fresh"] or answer.get("note")


def quote(answer: dict[str, Any], reader: Reader, asked: dict[str, Any]) -> None:
  """Each price is that of the event of its number."""
  assert answer["quotes"]
  for row in answer["quotes"]:
    event = reader.events[row["seq"]]
    assert (event["type"], event["exchange"]) == ("ticker", row["exchange"])
    assert (row["bid"], row["ask"]) == (event["bid"], event["ask"])
    assert (row["bid_size"], row["ask_size"]) == (event["bid_size"], event["ask_size"])
    exact = Decimal(repr(event["ask"])) - Decimal(repr(event["bid"]))
    assert row["spread"] == float(exact)
    if "last" in row:
      assert reader.events[row.get("last_seq", row["seq"])]["last"] == row["last"]


def book(answer: dict[str, Any], reader: Reader, asked: dict[str, Any]) -> None:
  """The levels are those of the reader's own book at that number, and so is the cost."""
  assert answer["books"]
  for row in answer["books"]:
    symbol = asked["symbol"].partition(":")[0]
    bids, asks = reader.book(row["seq"], row["exchange"], symbol, row["market_type"])
    assert row["bids"] == bids[: len(row["bids"])]
    assert row["asks"] == asks[: len(row["asks"])]
    for side, levels in (("buy", asks), ("sell", bids)):
      if side in asked:
        left, cost = Decimal(repr(asked[side])), Decimal(0)
        for price, size in levels:
          part = min(left, Decimal(repr(size)))
          left, cost = left - part, cost + part * Decimal(repr(price))
        assert row[side]["cost"] == float(cost)
        assert (left > 0) == ("note" in row[side])


def _between(answer: dict[str, Any], reader: Reader, asked: dict[str, Any]) -> list[dict[str, Any]]:
  first, last = (int(c.rpartition(":")[2]) for c in (asked["cursor"], answer["cursor"]))
  symbol, exchange = asked["symbol"], asked["exchange"]
  wanted = {"ticker": "ticker", "trades": "trade"}
  kinds = [wanted[channel] for channel in asked.get("channels", wanted)]
  found = [e for k in kinds for e in reader.of(k, exchange, symbol)]
  return sorted(
    (e for e in found if first < e["seq_internal"] <= last), key=lambda e: e["seq_internal"]
  )


def changes(answer: dict[str, Any], reader: Reader, asked: dict[str, Any]) -> None:
  """A summary counts what the reader counts."""
  seen = _between(answer, reader, asked)
  trades = [e for e in seen if e["type"] == "trade"]
  rows = {row["channel"]: row for row in answer["changes"]}
  if trades:
    row, prices = rows["trades"], [e["price"] for e in trades]
    assert row["count"] == len(trades)
    assert (row["first"], row["last"]) == (prices[0], prices[-1])
    assert (row["high"], row["low"]) == (max(prices), min(prices))
    assert row["volume"] == float(sum(Decimal(repr(e["size"])) for e in trades))
  tickers = [e for e in seen if e["type"] == "ticker"]
  assert rows.get("ticker", {"count": 0})["count"] == len(tickers)


def events(answer: dict[str, Any], reader: Reader, asked: dict[str, Any]) -> None:
  """Each event, and no other."""
  seen = _between(answer, reader, asked)
  assert [row["seq"] for row in answer["changes"]] == [e["seq_internal"] for e in seen]
  for row, event in zip(answer["changes"], seen, strict=True):
    for name in ("price", "size", "side", "bid", "ask", "last"):
      assert row.get(name) == event.get(name)


def awaited(of: Callable[[dict[str, Any]], bool], kind: str = "trade") -> Check:
  """The first event after the cursor that fulfils the condition."""

  def check(answer: dict[str, Any], reader: Reader, asked: dict[str, Any]) -> None:
    assert answer["matched"], answer
    event = reader.events[answer["event"]["seq"]]
    assert of(event)
    assert answer["cursor"].endswith(f":{event['seq_internal']}")
    if "cursor" in asked:
      after = int(asked["cursor"].rpartition(":")[2])
      same = reader.of(kind, event["exchange"], event["symbol"], event["market_type"])
      first = next(e for e in same if e["seq_internal"] > after and of(e))
      assert first == event

  return check


def nothing(answer: dict[str, Any], reader: Reader, asked: dict[str, Any]) -> None:
  """Nothing came, and it says from where to wait on."""
  assert answer["matched"] is False
  assert "cursor" in answer["note"]


def windows(answer: dict[str, Any], reader: Reader, asked: dict[str, Any]) -> None:
  """Prices of windows are prices of trades that the reader saw, or that came before it."""
  columns = answer["columns"]
  if not columns:
    # The log began a moment ago.
    assert "has whole windows from" in answer["note"]
    return
  assert len(set(map(len, columns.values()))) == 1
  assert len(columns["open"]) <= asked["last"]
  for low, start, end, high in zip(
    columns["low"], columns["open"], columns["close"], columns["high"], strict=True
  ):
    # Nothing may have traded in a window.
    assert low is start is None or low <= start <= high
    assert low is end is None or low <= end <= high


def health(answer: dict[str, Any], reader: Reader, asked: dict[str, Any]) -> None:
  """Every source that runs, and whether it works."""
  assert {row["exchange"] for row in answer["sources"]} >= {"okx"}
  assert all(row["source"] == "simulated" for row in answer["sources"])


def markets(answer: dict[str, Any], reader: Reader, asked: dict[str, Any]) -> None:
  """What can be asked for."""
  assert {row["exchange"] for row in answer["exchanges"]} >= {"okx", "binance"}
  seen = {(e["exchange"], e["symbol"]) for e in reader.events.values()}
  assert {(row["exchange"], row["symbol"]) for row in answer["seen"]} <= seen | {
    (e["exchange"], e["symbol"]) for e in reader.books
  }


OKX, BINANCE = {"exchange": "okx"}, {"exchange": "binance"}
BTC, ETH = {"symbol": "BTC/USDT"}, {"symbol": "ETH/USDT"}
PERP = {"symbol": "BTC/USDT:USDT"}

QUESTIONS: tuple[Question, ...] = (
  Question("What is the spread of BTC on OKX now?", "quote", BTC | OKX, quote),
  Question("And on Binance?", "quote", BTC | BINANCE, quote),
  Question("Where is BTC cheapest to buy?", "quote", BTC, quote),
  Question("What does ETH cost on OKX?", "quote", ETH | OKX, quote),
  Question("How about the BTC perpetual on OKX?", "quote", PERP | OKX, quote),
  Question(
    "Written as people write it: ethusdt on Binance",
    "quote",
    {"symbol": "ethusdt"} | BINANCE,
    quote,
  ),
  Question("Has that price changed since?", "quote", BTC | OKX | {"cursor": "cursor"}, quote),
  Question("Show me the top of the BTC book on OKX.", "book", BTC | OKX | {"depth": 1}, book),
  Question("Five levels of ETH on Binance.", "book", ETH | BINANCE | {"depth": 5}, book),
  Question("What would buying 2 BTC on OKX cost?", "book", BTC | OKX | {"buy": 2}, book),
  Question("And selling 25 ETH on Binance?", "book", ETH | BINANCE | {"sell": 25}, book),
  Question("Could I buy 100000 BTC there?", "book", BTC | BINANCE | {"buy": 100_000}, book),
  Question("Both sides for 0.3 BTC, please.", "book", BTC | OKX | {"buy": 0.3, "sell": 0.3}, book),
  Question(
    "What moved on OKX since my last look?", "since", BTC | OKX | {"cursor": "cursor"}, changes
  ),
  Question("And since then?", "since", BTC | OKX | {"cursor": "cursor"}, changes),
  Question(
    "Trades of BTC on OKX since then?",
    "since",
    BTC | OKX | {"cursor": "cursor", "channels": ["trades"]},
    changes,
  ),
  Question(
    "Every trade since, one by one.",
    "since",
    BTC | OKX | {"cursor": "cursor", "channels": ["trades"], "events": True, "budget": 9_000},
    events,
  ),
  Question(
    "Every quote of ETH on Binance since.",
    "since",
    ETH | BINANCE | {"cursor": "cursor", "channels": ["ticker"], "events": True, "budget": 20_000},
    events,
  ),
  Question(
    "Wake me when BTC trades on OKX.",
    "wait_until",
    BTC | OKX | {"where": "price > 0"},
    awaited(lambda e: e["price"] > 0),
  ),
  Question(
    "Tell me of the next sell.",
    "wait_until",
    BTC | OKX | {"where": "side == 'sell'", "cursor": "cursor"},
    awaited(lambda e: e["side"] == "sell"),
  ),
  Question(
    "Wake me when BTC on OKX trades above 10000.",
    "wait_until",
    BTC | OKX | {"where": "price > 10000", "cursor": "cursor"},
    awaited(lambda e: e["price"] > 10_000),
  ),
  Question(
    "Tell me when the spread is under 1000.",
    "wait_until",
    BTC | OKX | {"where": "ask - bid < 1000"},
    awaited(lambda e: e["ask"] - e["bid"] < 1000, "ticker"),
  ),
  Question(
    "When ETH on Binance trades above a billion?",
    "wait_until",
    ETH | BINANCE | {"where": "price > 1000000000", "timeout": 0.2},
    nothing,
  ),
  Question(
    "A trade of more than 0.0001 BTC anywhere?",
    "wait_until",
    BTC | {"where": "size > 0.0001"},
    awaited(lambda e: e["size"] > 0.0001),
  ),
  Question(
    "The last seconds of BTC on OKX?", "window", BTC | OKX | {"every": "1s", "last": 3}, windows
  ),
  Question(
    "In half seconds, on all exchanges?", "window", BTC | {"every": "500ms", "last": 6}, windows
  ),
  Question("Is everything all right?", "health", {}, health),
  Question("Is OKX all right?", "health", OKX, health),
  Question("What can I ask about?", "markets", {}, markets),
  Question("Which markets of BTC?", "markets", {"search": "BTC"}, markets),
)
