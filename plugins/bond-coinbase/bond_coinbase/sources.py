"""The sources this plugin offers."""

from bond_venuekit import VenueRow, venue_sources

from bond_coinbase import config
from bond_coinbase.feed import coinbase_feed
from bond_coinbase.symbols import EXCHANGE

SOURCES = venue_sources(
  EXCHANGE,
  {
    "trades": VenueRow(
      config.Trades, words=("spot in USD",), example="{symbols: [BTC/USD, ETH/EUR]}"
    ),
    "orderbook": VenueRow(config.Books, example="{symbols: [BTC/USD], depth: 20, speed_ms: 100}"),
    "ticker": VenueRow(config.Tickers, example="{symbols: [BTC/USD]}"),
    "candle": VenueRow(config.Candles, example="{symbols: [BTC/USD]}"),
  },
  feed=coinbase_feed,
  simulator="coinbase",
  terms=(
    "Coinbase Market Data Terms of Use (https://www.coinbase.com/legal/market_data): for your own "
    "use; passing the data on needs Coinbase's consent"
  ),
)
