"""Binance's feed: spot, USD-M and COIN-M futures over combined streams."""

from bond_venuekit import NamedFeed

from bond_binance.answers import read_answer
from bond_binance.endpoints import SNAPSHOT_WEIGHT, URL_CHARACTERS, Connection
from bond_binance.listing import binance_markets
from bond_binance.names import names_of
from bond_binance.refusals import explain
from bond_binance.symbols import EXCHANGE, TITLE, market_of
from bond_binance.topics import BinanceTopics
from bond_core.feeds import Subscription
from bond_core.venues import Operation, RequestForm

CHANNELS = ("trades", "orderbook", "ticker", "candle", "funding", "liquidation")


def binance_feed(connection: Connection) -> NamedFeed:
  """The feed of one connection identity."""
  markets = binance_markets(connection)
  return NamedFeed(
    EXCHANGE,
    TITLE,
    names=names_of(connection),
    channels=CHANNELS,
    topics=BinanceTopics(connection, markets),
    requests=RequestForm(encode_request, all_or_nothing=True),
    read_answer=read_answer,
    opening=b'{"stream":"',
    closing=b'"',
    url_characters=URL_CHARACTERS,
    markets=markets,
    weight=weight,
    explain=explain,
  )


def weight(subscription: Subscription) -> int:
  """The request weight of starting a subscription: a book needs a snapshot."""
  if subscription.channel != "orderbook":
    return 0
  return SNAPSHOT_WEIGHT[market_of(subscription.instrument)]


def encode_request(operation: Operation, arguments: str, number: int) -> bytes:
  """A request to subscribe or unsubscribe."""
  return f'{{"method":"{operation.upper()}","params":[{arguments}],"id":{number}}}'.encode()
