"""Conflation keeps the last state of every key."""

from bond_broker.delivery.conflate import conflate
from hypothesis import given, strategies as st

from bond_core import OrderBook, Ticker, Trade


def quote(symbol, **fields):
  return Ticker(exchange="v", symbol=symbol, **fields)


steps = st.lists(
  st.one_of(
    st.builds(
      lambda symbol, bid, last: quote(symbol, bid=bid, last=last),
      st.sampled_from(["A", "B"]),
      st.one_of(st.none(), st.integers(1, 9).map(float)),
      st.one_of(st.none(), st.integers(1, 9).map(float)),
    ),
    st.integers(0, 99).map(
      lambda i: Trade(exchange="v", symbol="A", price=1.0, size=1.0, trade_id=str(i))
    ),
    st.sampled_from(["A", "B"]).map(
      lambda s: OrderBook(exchange="v", symbol=s, bids=[], asks=[], update_type="delta")
    ),
  ),
  max_size=40,
)


@given(steps)
def test_after_conflation_the_last_state_of_every_key_is_right(batch):
  def state(events):
    last = {}
    for event in events:
      if isinstance(event, Ticker):
        known = last.setdefault(event.symbol, {})
        known.update({n: v for n in ("bid", "last") if (v := getattr(event, n)) is not None})
    return last

  left, conflated = conflate(batch)
  assert len(left) + conflated == len(batch)
  assert state(left) == state(batch)
  assert [e for e in left if not isinstance(e, Ticker)] == [
    e for e in batch if not isinstance(e, Ticker)
  ]
  assert len({e.symbol for e in left if isinstance(e, Ticker)}) == sum(
    isinstance(e, Ticker) for e in left
  )
