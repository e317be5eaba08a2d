from contextlib import asynccontextmanager

from bond_core.testing import SourceConformance


class TestTicks(SourceConformance):
  name = "clock.ticks"

  @asynccontextmanager
  async def serving(self):
    yield {"seconds": 0.02}
