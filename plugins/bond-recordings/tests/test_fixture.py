"""A recording is played into a test."""

from pathlib import Path
from tempfile import mkdtemp

import pytest
import trio
from bond_recordkit.format import Header
from bond_recordkit.writer import RecordingWriter

from bond_core import BondError, Trade, encode
from bond_core.testing import START_MS, recording

PATH = Path(mkdtemp(prefix="bond-test-")) / "hour.jsonl.zst"


@pytest.fixture(scope="module", autouse=True)
def hour():
  """An hour with a trade every 30 s."""
  writer = RecordingWriter(PATH, lambda: Header(recording=""))
  trades = [
    Trade(
      exchange="x", symbol="BTC/USDT", price=100.0 + n, size=1.0, ts_event=START_MS + n * 30_000
    )
    for n in range(120)
  ]
  writer.write([encode(trade) for trade in trades])
  writer.close()
  yield
  PATH.unlink()
  PATH.parent.rmdir()


seen = []


@recording(PATH)
async def test_events_come_at_their_times(events):
  """A test of a strategy."""
  began = trio.current_time()
  ticks = []

  async def every_minute():
    while True:
      await trio.sleep(60)
      ticks.append(trio.current_time() - began)

  async with trio.open_nursery() as nursery:
    nursery.start_soon(every_minute)
    prices = []
    async for event in events:
      prices.append(event.price)
      assert trio.current_time() - began == pytest.approx((event.ts_event - START_MS) / 1000)
    nursery.cancel_scope.cancel()
  assert prices == [100.0 + n for n in range(120)]
  assert len(ticks) == 59
  seen.append((tuple(prices), tuple(ticks)))


def test_it_is_the_same_each_time_and_keeps_its_name():
  test_events_come_at_their_times()
  test_events_come_at_their_times()
  assert seen[-1] == seen[-2]
  assert test_events_come_at_their_times.__doc__ == "A test of a strategy."


def test_a_missing_recording_is_said():
  @recording("/nowhere/btc.jsonl.zst")
  async def test(events):
    async for _ in events:
      raise AssertionError

  with pytest.raises(BondError, match="cannot read the recording"):
    test()
