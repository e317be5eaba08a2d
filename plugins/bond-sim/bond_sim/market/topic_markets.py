"""All generated markets of a venue that publishes topics."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Generic, Protocol, TypeVar

from bond_simkit import Fanout, VenueTime

from bond_sim.market.config import MarketConfig
from bond_sim.market.indices import Indices
from bond_sim.market.pool import MarketPool
from bond_sim.market.products import Product
from bond_sim.market.topic_market import MarketTopic, TopicMarket, TopicWriter
from bond_sim.market.trading import Trading, TradingListener


class TopicMarkets:
  """Markets by key: the venue's symbol, with its category where two categories share symbols.
  `span` gives the numbers in a message, for the fan-out."""

  def __init__(
    self,
    products: Iterable[tuple[str, Product, TopicWriter]],
    *,
    seed: int,
    speed: float,
    clock: VenueTime,
    span: Callable[[bytes], tuple[int, int] | None],
  ) -> None:
    self.fanout = Fanout(span)
    self._clock = clock
    self._seed = seed
    self._speed = speed
    self._products = {key: (product, writer) for key, product, writer in products}
    self._indices = Indices(seed)
    self._pool: MarketPool[str, TopicMarket] = MarketPool(
      self.fanout, self._indices, clock, self._make
    )

  def now_ms(self) -> int:
    """The venue's clock, epoch ms."""
    return self._clock.now_ms()

  async def run(self) -> None:
    """Lets the markets move until cancelled."""
    await self._pool.run()

  def market(self, key: str) -> TopicMarket:
    """A market as it is now; it moves from now on."""
    return self._pool.up_to_date(key)

  def rests(self, key: str) -> bool:
    """Whether nobody uses a market, so that it does not move."""
    return key not in self._pool.awake

  def index_price(self, key: str) -> float:
    """The index price of a market, whether it moves or not."""
    product, _ = self._products[key]
    return self._indices.price(product.base, product.quote)

  def open(self, key: str, topic: MarketTopic, publish_as: str) -> bytes | None:
    """Opens a topic of a market for a new reader, under its name in the fan-out, and returns the
    reader's first message, None for none."""
    market = self._pool.up_to_date(key)
    market.open(topic, publish_as)
    self._pool.opened(publish_as, key, topic)
    return market.first(topic)

  def progress(self) -> dict[str, Any]:
    """Its rows of GET /_sim/stats."""
    return {"finished": False, "awake": sorted(self._pool.awake)}

  def _make(self, key: str, now_ms: int) -> TopicMarket:
    product, writer = self._products[key]

    def begin(listener: TradingListener) -> Trading:
      return product.trade(
        self._indices, listener, seed=f"{self._seed} {key}", speed=self._speed, now_ms=now_ms
      )

    return TopicMarket(begin, writer, self.fanout.publish)


class Listed(Protocol):
  """What a venue lists a product as."""

  @property
  def product(self) -> Product: ...


L = TypeVar("L", bound=Listed)
W = TypeVar("W", bound=TopicWriter)


def unnumbered(data: bytes) -> None:
  """The span of a message of a venue that does not number what it says of a market."""


class TopicGenerator(Generic[L, W]):
  """Markets that are generated from `config.seed`: those of `instruments` (by key) that the
  configuration has, each with the writer that `write` makes."""

  def __init__(
    self,
    config: MarketConfig,
    clock: VenueTime,
    instruments: Mapping[str, L],
    write: Callable[[L], W],
    span: Callable[[bytes], tuple[int, int] | None] = unnumbered,
  ) -> None:
    self.instruments = {
      key: instrument
      for key, instrument in instruments.items()
      if not config.symbols or instrument.product.symbol in config.symbols
    }
    self.writers = {key: write(instrument) for key, instrument in self.instruments.items()}
    self.markets = TopicMarkets(
      [
        (key, instrument.product, self.writers[key]) for key, instrument in self.instruments.items()
      ],
      seed=config.seed,
      speed=config.speed,
      clock=clock,
      span=span,
    )

  @property
  def fanout(self) -> Fanout:
    """Where the markets publish."""
    return self.markets.fanout

  async def run(self) -> None:
    """Lets the markets move until cancelled."""
    await self.markets.run()

  def progress(self) -> dict[str, Any]:
    """Their rows of GET /_sim/stats."""
    return self.markets.progress()


def day_of(clock: VenueTime) -> date:
  """The venue's day (UTC)."""
  return datetime.fromtimestamp(clock.now_ms() / 1000, UTC).date()
