"""The sources this plugin offers."""

from bond_venuekit import VenueRow, venue_sources

from bond_binance import config
from bond_binance.feed import binance_feed
from bond_binance.symbols import EXCHANGE

SOURCES = venue_sources(
  EXCHANGE,
  {
    "trades": VenueRow(
      config.Trades,
      "Trades, single or aggregated.",
      example="{symbols: [BTC/USDT, 'ETH/USDT:USDT']}",
    ),
    "orderbook": VenueRow(config.Books),
    "ticker": VenueRow(config.Tickers),
    "funding": VenueRow(
      config.Funding, "Funding rate, mark and index price of futures.", words=("mark price",)
    ),
    "liquidation": VenueRow(config.Liquidations, "Forced orders on futures: one of each second."),
    "candle": VenueRow(config.Candles),
  },
  feed=binance_feed,
  simulator="binance",
  terms=(
    "Binance Terms of Use, https://www.binance.com/en/terms: public market data for your own use; "
    "passing it on needs Binance's consent"
  ),
)
