"""One event of every type, as a venue would send it."""

from bond_core._events import (
  AnyEvent,
  Batch,
  Bbo,
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
  VenueQuote,
  Window,
)

START_MS = 1_760_000_000_000
"""When the first of the sample events happened (epoch ms)."""


def sample_events(count: int = 1, start_ms: int = START_MS) -> Batch:
  """`count` rounds of one event of every type, a second apart, new objects each time. Gaps and
  heartbeats are among them."""
  return [event for n in range(count) for event in _round(n, start_ms + n * 1000)]


def _round(n: int, ms: int) -> list[AnyEvent]:
  price = 100_000.0 + n
  times = {"ts_event": ms + 20, "ts_exchange": ms}
  market = {"exchange": "sample", "symbol": "BTC/USDT", "market_type": "perp", **times}
  return [
    Trade(**market, price=price, size=0.5, side="buy", trade_id=str(n), seq_internal=n + 1),  # type: ignore[arg-type]
    OrderBook(
      **market,  # type: ignore[arg-type]
      bids=[(price - 1, 2.0), (price - 2, 1.0)],
      asks=[(price + 1, 1.5), (price + 2, 3.0)],
      sequence=n + 1,
    ),
    Consolidated(
      **{**market, "exchange": "*"},  # type: ignore[arg-type]
      bids=[(price - 1, 2.0, {"sample": 2.0})],
      asks=[(price + 1, 1.5, {"sample": 1.5})],
      bbo=Bbo(bid=price - 1, ask=price + 1, state="open"),
      venues={"sample": VenueQuote(state="live", bid=price - 1, ask=price + 1)},
    ),
    Ticker(**market, last=price, bid=price - 1, ask=price + 1, volume=1234.5),  # type: ignore[arg-type]
    Funding(**market, rate=0.0001, next_time=ms + 3_600_000),  # type: ignore[arg-type]
    Liquidation(**market, price=price, size=0.1, side="sell"),  # type: ignore[arg-type]
    OpenInterest(**market, amount=5000.0 + n),  # type: ignore[arg-type]
    Candle(
      **market,  # type: ignore[arg-type]
      interval="1m",
      start=ms,
      end=ms + 60_000,
      open=price,
      high=price + 5,
      low=price - 5,
      close=price + 1,
      volume=12.0,
    ),
    Post(exchange="sample", symbol="BTC", **times, text=f"post {n}", user="someone"),  # type: ignore[arg-type]
    ChainEvent(exchange="sample", symbol="BTC", **times, chain="bitcoin", kind="tx", value=0.5),  # type: ignore[arg-type]
    Custom(exchange="sample", symbol="", **times, event_type="tick", data={"count": n}),  # type: ignore[arg-type]
    Window(
      ts="2025-10-09T08:53:20.000Z",
      window_start="2025-10-09T08:53:20.000Z",
      window_end="2025-10-09T08:53:25.000Z",
      symbol="BTC/USDT",
      price_avg=price,
      raw_data={},
    ),
    Gap(
      channel="trades", exchange="sample", symbol="BTC/USDT", ts_event=ms, missed=1, cause="test"
    ),
    Heartbeat(raw={}, info={}, ts_event=ms),
  ]
