"""Recorded markets of Coinbase. The recording's products are what is listed; a message has the
number of the connection that reads it, not the one that it was recorded with."""

import re
from functools import partial
from typing import Any

import msgspec
from bond_simkit import Fanout

from bond_sim.coinbase.listing import CoinbaseProduct
from bond_sim.coinbase.markets import CHANNELS
from bond_sim.market.channels import TopicChannel
from bond_sim.market.products import SPOT, Product
from bond_sim.market.topic_capture import Captured, TopicCapture, TopicPlayback

_EXPECTED = '1775572201.4: {"channel":"l2_data","timestamp":…,"sequence_num":0,"events":[…]}'
_SENT_AS = {name: name for name in CHANNELS if name != "level2"} | {"l2_data": "level2"}
_PRODUCT = re.compile(rb'"product_id":\s*"([^"]+)"')
_NUMBER = re.compile(rb'"sequence_num":\s*\d+')


class _Frame(msgspec.Struct):
  channel: str = ""


_read = msgspec.json.Decoder(_Frame).decode


def topic_of(frame: bytes, url: str = "") -> str | None:
  """The topic of a recorded message, None for answers, heartbeats and what is not public."""
  channel = _SENT_AS.get(_read(frame).channel)
  found = _PRODUCT.search(frame)
  return None if channel is None or found is None else f"{channel} {found[1].decode()}"


CAPTURED = Captured("coinbase", topic_of, _EXPECTED)


class CoinbasePlayback:
  """The markets of recordings. A recording that begins in the middle of a book has no snapshot of
  it, and so no book until the next one that it has."""

  def __init__(self, captures: list[TopicCapture], speed: float, settle: float) -> None:
    self.fanout = Fanout()
    self._played = TopicPlayback(
      CAPTURED,
      captures,
      lambda topic: None,
      fanout=self.fanout,
      speed=speed,
      settle=settle,
      change=lambda frame: _NUMBER.sub(b'"sequence_num":0', frame, count=1),
    )
    self._names = sorted({topic.split(" ")[1] for topic in self._played.topics})

  async def run(self) -> None:
    await self._played.run()

  def progress(self) -> dict[str, Any]:
    return self._played.progress()

  def find(self, channel: str, product: str) -> TopicChannel | None:
    if channel not in CHANNELS or product not in self._names:
      return None
    topic = f"{channel} {product}"
    return TopicChannel(topic, partial(self._played.first, topic))

  def products(self) -> list[dict[str, Any]]:
    return [_listed(name).row() for name in self._names]

  def trades(self, product: str, limit: int) -> list[dict[str, Any]]:
    raise KeyError(product)

  def book(self, product: str, limit: int) -> dict[str, Any]:
    raise KeyError(product)


def _listed(name: str) -> CoinbaseProduct:
  base, _, quote = name.rpartition("-")
  product = Product(
    symbol=name,
    kind=SPOT,
    base=base,
    quote=quote,
    price_decimals=2,
    lot=1e-8,
    takers_per_second=1.0,
  )
  return CoinbaseProduct(product=product, places=8)
