import trio
from bond_clock import Every, ticks


class Collected:
  def __init__(self):
    self.events = []

  async def send(self, batch):
    self.events += batch


async def test_a_tick_comes_at_once_and_then_every_interval(autojump_clock):
  out = Collected()
  with trio.move_on_after(2.6):
    await ticks(Every(seconds=0.5), out, None)
  assert [event.data["count"] for event in out.events] == [1, 2, 3, 4, 5, 6]
