"""What the venue calls its streams."""

from bond_binance.symbols import venue_symbol
from bond_core.feeds import Subscription


def stream_name(subscription: Subscription, *, aggregate: bool) -> str:
  """What the venue calls a subscription's stream; with `aggregate` trades are aggregated ones.
  Raises KeyError for a channel it does not have.

  Sources: Spot "WebSocket Streams"; USD-M "Websocket Market Streams".
  """
  options = dict(subscription.options)
  symbol = venue_symbol(subscription.instrument).lower()
  if subscription.channel == "trades":
    return f"{symbol}@{'aggTrade' if aggregate else 'trade'}"
  if subscription.channel == "ticker":
    return f"{symbol}@{'ticker' if options.get('stream') == 'stats' else 'bookTicker'}"
  if subscription.channel == "candle":
    return f"{symbol}@kline_{options.get('interval', '1m')}"
  kinds = {"orderbook": "depth@100ms", "funding": "markPrice@1s", "liquidation": "forceOrder"}
  return f"{symbol}@{kinds[subscription.channel]}"
