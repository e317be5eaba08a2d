"""What a live table says of an event: its stream, what is new, and the figure to draw."""

from typing import Any, NamedTuple

import msgspec

from bond_core import (
  AnyEvent,
  Candle,
  ChainEvent,
  Consolidated,
  Custom,
  Funding,
  Gap,
  Heartbeat,
  Liquidation,
  OpenInterest,
  OrderBook,
  Post,
  Ticker,
  Trade,
  Window,
)
from bond_core.config import counted


class StreamKey(NamedTuple):
  """The stream that an event belongs to."""

  venue: str
  symbol: str
  market: str
  channel: str


def stream_of(event: AnyEvent) -> StreamKey:
  """The stream of an event; of a gap, what it says of it: `*` is everything."""
  if isinstance(event, Window):
    return StreamKey("", event.symbol, "", event.channel)
  market = (event.market_type, getattr(event, "expiry", None))
  return StreamKey(
    event.exchange, event.symbol, " ".join(part for part in market if part), event.channel
  )


def is_simulated(event: AnyEvent) -> bool:
  """Whether a simulator made it, or something that it was made of."""
  if isinstance(event, Window):
    return bool(event.raw_data.get("simulated"))
  return getattr(event, "simulated", None) is True


def figure_of(event: AnyEvent) -> float | None:
  """The price that a trend is drawn of, or the one figure of a type without a price; None where
  there is none, and how many came is drawn."""
  match event:
    case Trade():
      return event.price
    case Ticker():
      middle = _middle(event.bid, event.ask)
      return middle if event.last is None else event.last
    case OrderBook(update_type="snapshot", bids=[bid, *_], asks=[ask, *_]):
      return _middle(bid[0], ask[0])
    case Consolidated():
      return _middle(event.bbo.bid, event.bbo.ask)
    case Candle():
      return event.close
    case Window():
      return event.price_avg
    case Funding():
      return event.rate
    case OpenInterest():
      return event.amount
  return None


def _middle(bid: float | None, ask: float | None) -> float | None:
  return None if bid is None or ask is None else (bid + ask) / 2


def said_of(event: AnyEvent) -> str:
  """A line about it, in which no number is rounded that anybody would miss."""
  match event:
    case Trade():
      return f"{event.side} {_amount(event.size, event.price)}"
    case OrderBook(update_type="snapshot"):
      bid, ask = (_amount(s[0][1], s[0][0]) if s else "none" for s in (event.bids, event.asks))
      return f"bid {bid}  ask {ask}"
    case OrderBook():
      return f"{counted(len(event.bids), 'bid')} and {counted(len(event.asks), 'ask')} changed"
    case Consolidated():
      return _consolidated(event)
    case Ticker():
      return _named(event, ("bid", "ask", "last", "mark", "index", "volume"))
    case Funding():
      return _named(event, ("rate", "mark", "index"))
    case Liquidation():
      return f"{event.side} {_amount(event.size, event.price)} forced"
    case OpenInterest():
      return _named(event, ("amount", "value"))
    case Candle():
      prices = _named(event, ("open", "high", "low", "close", "volume"))
      return f"{event.interval} {prices}{'' if event.closed else '  not closed'}"
    case Post():
      who = f"{event.user}: " if event.user else ""
      return f"{who}{event.text}" if event.text else f"{who}{counted(event.count, 'post')}"
    case ChainEvent():
      value = "" if event.value is None else f" {_number(event.value)}"
      return f"{'revoked: ' if event.removed else ''}{event.chain} {event.kind}{value}"
    case Custom():
      return f"{event.event_type} {_plain(event.data)}"
    case Window():
      return _window(event)
    case Gap():
      missed = "" if event.missed is None else f", {counted(event.missed, 'event')}"
      return f"{event.reason}: {event.cause or 'no cause is known'}{missed}"
    case Heartbeat():
      return "ok"


def _consolidated(event: Consolidated) -> str:
  bbo = event.bbo
  bid = f"bid {_number(bbo.bid)} {' '.join(bbo.bid_venues)}".rstrip()
  ask = f"ask {_number(bbo.ask)} {' '.join(bbo.ask_venues)}".rstrip()
  mark = f"  {bbo.state}: {' '.join(bbo.blamed)}" if bbo.blamed else ""
  return f"{bid}  {ask}{mark}"


def _window(event: Window) -> str:
  clock = f"{event.window_start[11:19]}-{event.window_end[11:19]}"
  counts = ("tweets", "onchain_count", "custom_count")
  more = "".join(f"  {name} {n:,}" for name in counts if (n := getattr(event, name)))
  if event.price_avg is None and more:
    return f"{clock}{more}"
  text = f"{clock}  avg {_number(event.price_avg)}  vwap {_number(event.vwap)}"
  text += f"  volume {_number(event.volume_sum)}  trades {event.raw_data.get('trades', 0)}"
  return text + more


def _named(event: AnyEvent, names: tuple[str, ...]) -> str:
  found = ((name, getattr(event, name)) for name in names)
  return "  ".join(f"{name} {_number(value)}" for name, value in found if value is not None)


def _amount(size: float, price: float) -> str:
  return f"{_number(size)} at {_number(price)}"


def _number(value: float | None) -> str:
  return "-" if value is None else f"{value:,.10g}"


def _plain(data: dict[str, Any]) -> str:
  try:
    return msgspec.json.encode(data).decode()
  except (TypeError, ValueError):
    return str(data)
