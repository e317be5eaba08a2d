"""The sources this plugin offers."""

from bond_venuekit import VenueRow, venue_sources

from bond_bybit import config
from bond_bybit.feed import bybit_feed
from bond_bybit.symbols import EXCHANGE

SOURCES = venue_sources(
  EXCHANGE,
  {
    "trades": VenueRow(config.Trades, example="{symbols: [BTC/USDT, 'BTC/USD:BTC']}"),
    "orderbook": VenueRow(config.Books),
    "ticker": VenueRow(config.Tickers),
    "funding": VenueRow(config.Funding),
    "open_interest": VenueRow(config.OpenInterest),
    "liquidation": VenueRow(config.Liquidations, "Liquidations of contracts, all of them."),
    "candle": VenueRow(config.Candles),
  },
  feed=bybit_feed,
  simulator="bybit",
  terms=(
    "Bybit Terms of Service (https://www.bybit.com, Legal): public market data for your own "
    "use; passing it on needs Bybit's consent"
  ),
)
