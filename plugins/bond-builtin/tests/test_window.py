"""core.window to the byte: its times, its skew, and the same encoded windows in every order."""

import random

from bond_builtin.transforms.window import TYPE, Windows, rfc3339
from hypothesis import given, settings, strategies as st
from transform_play import replay, split, trade

from bond_core._events import ChainEvent, Ticker, encode
from bond_core._spec.values import Duration

T = 1_700_000_000_000


def test_milliseconds_are_written_with_three_digits():
  assert [rfc3339(T + ms) for ms in (0, 5, 50, 500)] == [
    "2023-11-14T22:13:20Z",
    "2023-11-14T22:13:20.005Z",
    "2023-11-14T22:13:20.050Z",
    "2023-11-14T22:13:20.500Z",
  ]


def test_one_slow_message_does_not_move_the_quotes_after_it():
  # The second trade took 400 ms and is the first measurement of its half second.
  quote = Ticker(
    exchange="binance", symbol="BTC/USDT", market_type="spot", ts_event=T + 1_100, bid=5.0
  )
  events = [trade(T), trade(T + 200, arrived=T + 600), quote]
  out = replay(TYPE, Windows(every=Duration(1), lateness=Duration(0.5)), [events])
  assert [(window.raw_data["trades"], window.bid_avg) for window in out] == [(2, None), (0, 5.0)]


def test_what_is_taken_back_is_neither_counted_nor_summed():
  def transfer(when, **meta):
    return ChainEvent(
      exchange="eth",
      symbol="BTC",
      chain="eth",
      kind="transfer",
      value=2.0,
      ts_event=when,
      meta=meta,
    )

  events = [transfer(T), transfer(T + 1, status="removed"), transfer(T + 2), transfer(T + 1_500)]
  out = replay(TYPE, Windows(every=Duration(1)), [events])
  assert [(w.onchain_count, w.onchain_value_sum) for w in out] == [(2, 4.0), (1, 2.0)]
  assert [w.raw_data.get("removed") for w in out] == [1, None]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_every_order_of_arrival_within_the_lateness_gives_the_same_bytes(seed):
  pick = random.Random(seed)
  whens = [T, *(T + pick.randrange(8_000) for _ in range(40))]
  rows = [
    (when, pick.uniform(1, 9), pick.uniform(0.1, 3), pick.choice(["BTC/USDT", "ETH/USDT"]))
    for when in whens
  ]
  config = Windows(
    every=Duration(1), lateness=Duration(0.5), symbols=["BTC/USDT", "ETH/USDT", "SOL/USDT"]
  )
  outputs = set()
  for _ in range(4):
    events = [
      # The first is on time, since nothing is late before the first watermark.
      trade(when, price, size, arrived=when + pick.randrange(501) * (n > 0), symbol=s, sequence=n)
      for n, (when, price, size, s) in enumerate(rows)
    ]
    events.sort(key=lambda event: (event.ts_event, pick.random()))
    out = replay(TYPE, config, split(events, [pick.randrange(1, 9)]))
    outputs.add(b"\n".join(map(encode, out)))
  assert len(outputs) == 1
