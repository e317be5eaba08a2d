import pytest
import trio
from bond_simkit import VENUE_FAULTS, Fanout, strike_in_time


async def test_faults_strike_in_their_time_which_may_count_from_the_first_client(autojump_clock):
  first_client = trio.Event()
  struck = []

  def strike(fault):
    struck.append((fault.written, trio.current_time() - began))

  began = trio.current_time()
  faults = [VENUE_FAULTS.parse(written) for written in ("drop@2s", "rst", "gap:2@1s")]
  async with trio.open_nursery() as nursery:
    nursery.start_soon(lambda: strike_in_time(faults, strike, first_client=first_client))
    await trio.sleep(5)
    first_client.set()
  assert struck == [("rst", 0), ("gap:2@1s", 6), ("drop@2s", 7)]


async def test_a_fault_cannot_be_added_before_its_timers_run():
  with pytest.raises(RuntimeError, match="not running"):
    Fanout().faults.add(VENUE_FAULTS.parse("silence:1s"))
