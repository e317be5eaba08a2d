"""All generated markets of a venue whose streams are topics."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any

from bond_sim.clock import Clock
from bond_sim.hub import Hub
from bond_sim.market.floor import Floor
from bond_sim.market.indices import Indices
from bond_sim.market.products import Product
from bond_sim.market.topics import Stream, TopicMarket, Writer
from bond_sim.market.trading import Listener, Trading


class TopicVenue:
  """Markets by the venue's symbol (and category, where it uses one symbol twice). `span` tells the
  numbers in a message (bond_sim.hub)."""

  def __init__(
    self,
    products: Iterable[tuple[str, Product, Writer]],
    *,
    seed: int,
    speed: float,
    clock: Clock,
    span: Callable[[bytes], tuple[int, int] | None],
  ) -> None:
    self.hub = Hub(span)
    self._clock = clock
    self._seed = seed
    self._speed = speed
    self._products = {key: (product, writer) for key, product, writer in products}
    self._indices = Indices(seed)
    self._floor: Floor[str, TopicMarket] = Floor(self.hub, self._indices, clock, self._make)

  def now_ms(self) -> int:
    """The venue's clock, epoch ms."""
    return self._clock.now_ms()

  async def run(self) -> None:
    """Lets time pass until cancelled."""
    await self._floor.run()

  def __contains__(self, key: str) -> bool:
    return key in self._products

  def market(self, key: str) -> TopicMarket:
    """A market as it is now; it moves from now on."""
    return self._floor.up_to_date(key)

  def read(self, key: str, stream: Stream, name: str) -> bytes | None:
    """A reader joins a stream under its name in the hub: what it gets first."""
    market = self._floor.up_to_date(key)
    market.open(stream, name)
    self._floor.opened(name, key, stream)
    return market.first(stream)

  def progress(self) -> dict[str, Any]:
    """For GET /_sim/stats."""
    return {"finished": False, "awake": sorted(self._floor.awake)}

  def _make(self, key: str, now_ms: int) -> TopicMarket:
    product, writer = self._products[key]

    def begin(listener: Listener) -> Trading:
      return product.trade(
        self._indices,
        listener,
        seed=f"{self._seed} {key}",
        speed=self._speed,
        now_ms=now_ms,
      )

    return TopicMarket(begin, writer, self.hub.publish)


def today(clock: Clock) -> date:
  """The venue's day."""
  return datetime.fromtimestamp(clock.now_ms() / 1000, UTC).date()
