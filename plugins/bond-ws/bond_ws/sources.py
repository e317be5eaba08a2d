"""The source this plugin offers."""

from bond_core import Candle, Custom, Gap, Instrument, SourceType, Ticker, Trade
from bond_core.feeds import Subscription
from bond_ws import config
from bond_ws.feed import Connection, WsFeed
from bond_ws.rules import EVENTS


def _subscriptions(given: config.Custom) -> list[Subscription]:
  """One for each kind of event; which symbols come is up to the messages that are sent."""
  instrument = Instrument(given.venue, given.market_type, "*")
  kinds = dict.fromkeys(rule.emit for rule in given.map) or EVENTS
  return [Subscription(EVENTS[kind].channel, instrument) for kind in kinds]


SOURCES = [
  SourceType(
    name="ws.custom",
    summary="Any websocket, with a mapping of its messages to trades, quotes, candles and others.",
    config=config.Custom,
    emits=(Trade, Ticker, Candle, Custom, Gap),
    feed=WsFeed,
    connection=Connection,
    subscriptions=_subscriptions,
    aliases={"custom": {}, "custom.ws": {}},
    exchange=lambda given: given.venue,
    public=True,
    terms="those of the server that the spec names",
    example=(
      "{url: 'wss://ws.example.com/feed', send: [{op: subscribe, channel: prices}], "
      "map: [{emit: custom, event_type: price, where: {channel: prices}}]}"
    ),
  )
]
