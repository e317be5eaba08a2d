"""The sources this plugin offers."""

from bond_venuekit import VenueRow, venue_sources

from bond_okx import config
from bond_okx.feed import okx_feed
from bond_okx.symbols import EXCHANGE

SOURCES = venue_sources(
  EXCHANGE,
  {
    "trades": VenueRow(config.Trades, example="{symbols: [BTC/USDT, 'BTC/USD:BTC']}"),
    "orderbook": VenueRow(config.Books),
    "ticker": VenueRow(config.Tickers),
    "funding": VenueRow(config.Funding),
    "open_interest": VenueRow(config.OpenInterest),
    "liquidation": VenueRow(
      config.Liquidations, "Liquidations of contracts, at most one a second and instrument."
    ),
    "candle": VenueRow(config.Candles),
  },
  feed=okx_feed,
  simulator="okx",
  terms=(
    "OKX Terms of Service, https://www.okx.com/help/terms-of-service: public market data for your "
    "own use; passing it on needs OKX's consent"
  ),
)
