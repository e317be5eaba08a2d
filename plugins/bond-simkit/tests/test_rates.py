import trio
from bond_simkit import RateMeter


def test_events_are_counted_by_key_in_a_window_that_slides():
  meter = RateMeter(300, 300.0)
  assert all(meter.admit("a", now=float(second)) for second in range(300))
  assert not meter.admit("a", now=299.5)
  assert meter.admit("b", now=299.5)
  assert meter.admit("a", now=301.5)


async def test_refused_events_count_and_the_clock_is_trios(autojump_clock):
  meter = RateMeter(2, 10.0)
  assert [meter.admit() for _ in range(3)] == [True, True, False]
  await trio.sleep(9.9)
  assert not meter.admit()
  await trio.sleep(0.2)
  assert meter.admit()
