"""Index prices as random walks, shared by all generated markets of a venue."""

import math
import random

import attrs

STEP_MS = 100
DAY_MS = 86_400_000


@attrs.frozen
class Asset:
  """An index: its first price in dollars, and the standard deviation of a day's return."""

  price: float
  daily: float


ASSETS = {
  "BTC": Asset(97_000.0, 0.02),
  "ETH": Asset(3_400.0, 0.028),
  "SOL": Asset(190.0, 0.035),
  "BNB": Asset(890.0, 0.022),
  "XRP": Asset(2.2, 0.033),
  "DOGE": Asset(0.19, 0.036),
  "DOT": Asset(2.4, 0.035),
  "WBTC": Asset(96_900.0, 0.02),
  "HYPE": Asset(41.0, 0.04),
  "PURR": Asset(0.17, 0.05),
  "kPEPE": Asset(0.0044, 0.05),
  "TSLA": Asset(410.0, 0.02),
  "NVDA": Asset(180.0, 0.02),
  "币安人生": Asset(0.21, 0.06),
  "AED": Asset(1 / 3.6725, 0.0),
  "USDT": Asset(1.0, 0.0),
  "USDC": Asset(1.0, 0.0001),
}


class Indices:
  """The prices of all assets, and the premium of each perpetual over its index. Both move in steps
  of STEP_MS, so that the result does not depend on how often they are read."""

  def __init__(self, seed: int) -> None:
    self._seed = seed
    self._walks = {name: random.Random(f"{seed} index {name}") for name in ASSETS}
    self._prices = {name: asset.price for name, asset in ASSETS.items()}
    self._premiums: dict[object, tuple[random.Random, float]] = {}

  def dollars(self, asset: str) -> float:
    """An asset's price in dollars; 1 for an asset without an index, as for the dollar itself."""
    return self._prices.get(asset, 1.0)

  def price(self, base: str, quote: str) -> float:
    """A pair's index price."""
    return self.dollars(base) / self.dollars(quote)

  def add_premium(self, key: object) -> None:
    """A perpetual begins to trade."""
    self._premiums[key] = (random.Random(f"{self._seed} premium {key}"), 0.0)

  def premium(self, key: object) -> float:
    """The premium of a perpetual over its index, as a share."""
    return self._premiums[key][1]

  def step(self) -> None:
    """Moves all prices and premiums by one step."""
    for name, asset in ASSETS.items():
      deviation = asset.daily * math.sqrt(STEP_MS / DAY_MS)
      pull = 0.00001 * math.log(asset.price / self._prices[name])
      self._prices[name] *= math.exp(pull + deviation * self._walks[name].gauss(0.0, 1.0))
    for key, (rng, premium) in self._premiums.items():
      self._premiums[key] = (rng, 0.99 * premium + rng.gauss(0.0, 0.00003))
