"""The sources this plugin offers."""

from bond_venuekit import VenueRow, venue_sources

from bond_hyperliquid import config
from bond_hyperliquid.feed import hyperliquid_feed
from bond_hyperliquid.symbols import EXCHANGE

SOURCES = venue_sources(
  EXCHANGE,
  {
    "trades": VenueRow(
      config.Trades,
      words=("perps in USDC",),
      example="{symbols: [BTC, 'xyz:TSLA', HYPE/USDC]}",
    ),
    "orderbook": VenueRow(
      config.Books,
      "Order books, whole each time: the best levels, or each as it comes.",
      example="{symbols: ['BTC/USDC:USDC'], depth: 20}",
    ),
    "ticker": VenueRow(
      config.Tickers,
      "Best bid and ask, mark and oracle price, 24-hour volume.",
      words=("mark price",),
      example="{symbols: ['BTC/USDC:USDC'], stats: false}",
    ),
    "funding": VenueRow(config.Funding, example="{symbols: [BTC]}"),
    "open_interest": VenueRow(config.OpenInterest, example="{symbols: [BTC]}"),
    "candle": VenueRow(config.Candles, example="{symbols: [BTC], interval: 1m}"),
  },
  feed=hyperliquid_feed,
  simulator="hyperliquid",
  terms=(
    "Hyperliquid Terms of Use (https://app.hyperliquid.xyz/terms): public market data, for your "
    "own use"
  ),
)
