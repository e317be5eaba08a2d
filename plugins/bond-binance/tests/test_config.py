"""What a spec may say, and the sentences for what it may not."""

import pytest
from bond_binance import bond_register_sources, config

from bond_core import Gap, Ticker


@pytest.mark.parametrize(
  ("source", "given", "told"),
  [
    (
      config.Trades,
      {"symbols": []},
      "the list is empty; name at least one symbol such as BTC/USDT",
    ),
    (config.Trades, {"symbols": ["BTC/USDT", "btcusdt"]}, "'BTC/USDT' and 'btcusdt' are equal"),
    (config.Trades, {"symbols": ["BTC", "BTC"]}, "'BTC' is there twice: BTC/USDT; write it once"),
    (
      config.Trades,
      {"symbols": ["BTC/USDT", "BTC/USDT:USDT"], "market": "perp"},
      "are equal: BTC/USDT:USDT; write it once",
    ),
    (config.Funding, {"symbols": ["BTC", "BTC/USDT:USDT"]}, "are equal: BTC/USDT:USDT"),
    (config.Trades, {"symbols": ["?"]}, "'\\?' is not a symbol"),
    (config.Trades, {"symbols": ["BTC/USD:USD"]}, "Binance settles contracts on BTC/USD in BTC"),
    (config.Trades, {"symbols": [f"C{i}" for i in range(2001)]}, "2001 symbols are more than the"),
    (config.Trades, {"symbols": ["BTC"], "endpoint": "localhost:9001"}, "is no endpoint; write"),
    (config.Trades, {"symbols": ["BTC"], "endpoint": "ftp://x"}, "is no endpoint"),
    (config.Trades, {"symbols": ["BTC"], "endpoint": "http://x:99999"}, "is no endpoint"),
    (config.Books, {"symbols": ["BTC"], "depth": 0}, "0 levels cannot be shown"),
    (config.Books, {"symbols": ["BTC"], "depth": 501}, "write 1 to 500, or deltas: true"),
    (config.Books, {"symbols": ["BTC"], "speed_ms": -1}, "-1 ms is out of range"),
    (
      config.Books,
      {"symbols": ["BTC"], "depth": 5, "deltas": True},
      "leave depth and speed_ms out",
    ),
    (config.Tickers, {"symbols": ["BTC"], "quotes": False, "stats": False}, "nothing is left"),
    (
      config.Candles,
      {"symbols": ["BTC/USDT:USDT"], "interval": "1s"},
      "futures have no candles of 1s; the shortest are of 1m",
    ),
  ],
)
def test_a_wrong_value_is_told_in_a_sentence(source, given, told):
  with pytest.raises(ValueError, match=told):
    source(**given)


def test_one_symbol_on_two_markets_is_two():
  source = config.Trades(symbols=["BTC/USDT", "BTC/USDT:USDT", "BTCUSDT_261225"])
  assert len(set(source.subscriptions())) == 3


def test_sources_of_one_endpoint_share_a_feed_but_for_aggregated_trades():
  at = "http://127.0.0.1:9001"
  shared = {
    config.Trades(symbols=["BTC"], endpoint=at).connection,
    config.Books(symbols=["ETH"], endpoint=f"{at}/").connection,
    config.Funding(symbols=["ETH"], endpoint=at).connection,
  }
  assert len(shared) == 1
  assert config.Trades(symbols=["BTC"], endpoint=at, aggregate=True).connection not in shared
  assert config.Trades(symbols=["BTC"]).connection not in shared


SOURCES = {source.name: source for source in bond_register_sources()}


def test_each_source_says_all_about_itself():
  for name, source in SOURCES.items():
    assert name.startswith("binance.")
    assert "https://www.binance.com/en/terms" in source.terms
    assert source.simulator == "binance"
    assert source.words
    assert source.summary.endswith(".")
    assert Gap in source.emits
  words = [word for source in SOURCES.values() for word in source.words]
  assert len(words) == len(set(words))


def test_books_are_views_unless_deltas_are_asked_for():
  view = SOURCES["binance.orderbook"].view
  assert view(config.Books(symbols=["BTC"])) is not None
  assert view(config.Books(symbols=["BTC"], deltas=True)) is None


def test_a_reader_of_quotes_does_not_see_what_another_asked_for():
  view = SOURCES["binance.ticker"].view
  quote = Ticker(exchange="binance", symbol="BTC/USDT", bid=1.0, sequence=1)
  stats = Ticker(exchange="binance", symbol="BTC/USDT", last=1.0)
  gap = Gap(exchange="binance", symbol="BTC/USDT", channel="ticker")
  batch = [quote, stats, gap]
  assert view(config.Tickers(symbols=["BTC"])) is None
  assert view(config.Tickers(symbols=["BTC"], stats=False))(batch) == [quote, gap]
  assert view(config.Tickers(symbols=["BTC"], quotes=False))(batch) == [stats, gap]
