"""What a request becomes: sources, filters, windows; and what has to be installed first."""

import json

import pytest
from bond_commandkit import source_words
from bond_english.parsing import parse
from installed import EVERYTHING, WORDS, registry

from bond_core.specs import load_spec, stream_id


def spec(text, words=WORDS):
  return parse(text, words).spec


def uses(text, words=WORDS):
  return {key: node["use"] for key, node in spec(text, words)["sources"].items()}


def where(text):
  nodes = spec(text)["transforms"].values()
  return [node["with"]["where"] for node in nodes if node["use"] == "core.filter"]


def test_the_headline():
  assert spec("BTC price + on-chain activity + tweets every 5s") == {
    "sources": {
      "binance-trades": {"use": "binance.trades", "with": {"symbols": ["BTC/USDT"]}},
      "binance-ticker": {"use": "binance.ticker", "with": {"symbols": ["BTC/USDT"]}},
      "onchain-bitcoin": {"use": "onchain.bitcoin", "with": {}},
      "tweets": {"use": "x.posts", "with": {"symbols": ["BTC"]}},
      # The posts themselves, besides their number in each row.
      "tweets-2": {"use": "x.posts", "with": {"symbols": ["BTC"]}},
    },
    "transforms": {
      "window": {
        "use": "core.window",
        "from": ["binance-trades", "binance-ticker", "onchain-bitcoin", "tweets"],
        "with": {"every": 5, "symbols": ["BTC/USDT"]},
      }
    },
  }


def test_without_a_source_for_bitcoin_its_activity_is_solanas_with_a_warning():
  words = {word: name for word, name in WORDS.items() if name != "onchain.bitcoin"}
  reading = parse("BTC price + on-chain activity + tweets every 5s", words)
  assert reading.outcome == "warn"
  assert "network activity of Solana" in reading.sentence
  solana = reading.spec["sources"]["onchain-solana"]
  assert solana == {"use": "onchain.solana", "with": {"symbol": "BTC"}}
  assert reading.missing == []


@pytest.mark.parametrize("asset", ["SOL", "USDC"])
def test_an_amount_on_solana_is_of_the_asset_that_is_named(asset):
  sources = spec(f"{asset} transfers over 1m on solana")["sources"]
  assert sources["onchain-solana"]["with"]["symbols"] == [asset]
  assert "symbols" not in spec("solana transfers")["sources"]["onchain-solana"]["with"]


def test_transfers_are_of_one_asset_and_prices_of_the_other():
  text = "USDT transfers on ethereum over 1m + btc price"
  sources = spec(text)["sources"]
  assert sources["onchain-ethereum"]["with"]["symbols"] == ["USDT"]
  assert sources["binance-trades"]["with"]["symbols"] == ["BTC/USDT"]
  assert where(text) == ["value >= 1000000"]


@pytest.mark.parametrize(
  ("text", "condition"),
  [
    ("BTC trades over $100k", "price * size >= 100000"),
    ("BTC trades between $1k and $2k", "price * size >= 1000 and price * size <= 2000"),
    ("BTC trades of at least 2.5 BTC", "size >= 2.5"),
    ("BTC trades under 0.001 btc", "size <= 0.001"),
    ("BTC buy trades over $1m", "side == 'buy' and price * size >= 1000000"),
    ("long liquidations on BTC", "side == 'sell'"),
    ("short liquidations on BTC", "side == 'buy'"),
    ("ETH funding above 0.05%", "rate >= 0.0005"),
    ("BTC price above 100000 every 5s", "price_close >= 100000"),
    ("BTC price above 100000, every update", "price >= 100000"),
    (
      "ETH moves more than 1.5% in a minute",
      "abs(price_close - price_open) * 100 > 1.5 * price_open",
    ),
    ("ETH drops 5% in an hour", "(price_open - price_close) * 100 > 5 * price_open"),
  ],
)
def test_filters_are_conditions(text, condition):
  assert where(text) == [condition]


def test_bounds_beside_two_symbols_are_each_ones_own():
  text = "BTC trades over $100k and ETH trades over $50k"
  sources, conditions = spec(text)["sources"], where(text)
  assert [source["with"]["symbols"] for source in sources.values()] == [["BTC/USDT"], ["ETH/USDT"]]
  assert conditions == ["price * size >= 100000", "price * size >= 50000"]


def test_a_condition_on_one_symbol_does_not_let_another_through():
  nodes = spec("BTC price + ETH trades over $100k, every 5s")
  (condition,) = (n for n in nodes["transforms"].values() if n["use"] == "core.filter")
  (source,) = condition["from"]
  assert nodes["sources"][source]["with"]["symbols"] == ["ETH/USDT"]


def test_each_chain_has_its_own_tokens():
  nodes = spec("transfers of USDT on solana and USDC on ethereum")["sources"]
  assert nodes["onchain-solana"]["with"]["symbols"] == ["USDT"]
  assert nodes["onchain-ethereum"]["with"]["symbols"] == ["USDC"]


def test_each_venue_has_its_own_symbols():
  nodes = spec("price of BTC on binance, ETH on okx and SOL on bybit, every 5s")["sources"]
  assert {key: node["with"]["symbols"] for key, node in nodes.items() if "trades" in key} == {
    "binance-trades": ["BTC/USDT"],
    "okx-trades": ["ETH/USDT"],
    "bybit-trades": ["SOL/USDT"],
  }


def test_windows_of_two_lengths_stand_beside_each_other():
  reading = parse("BTC price every 5s and BTC vwap over 5 minutes", WORDS)
  assert reading.missing == []
  windows = reading.spec["transforms"].values()
  assert sorted(node["with"]["every"] for node in windows) == [5, 300]
  assert "VWAP comes every 5 min" in reading.sentence


def test_each_bound_is_about_its_own_kind():
  conditions = where("BTC trades over $100k and liquidations over $1m")
  assert conditions == ["price * size >= 100000", "price * size >= 1000000"]


@pytest.mark.parametrize(
  ("text", "symbols"),
  [
    ("BTC price on binance", ["BTC/USDT"]),
    ("BTC price on coinbase", ["BTC/USD"]),
    ("BTC price on upbit", ["BTC/KRW"]),
    ("BTC perp price on okx", ["BTC/USDT:USDT"]),
    ("inverse BTC perp price on bybit", ["BTC/USD:BTC"]),
    ("BTC/USDT:USDT price on binance", ["BTC/USDT:USDT"]),
    ("BTC/USDT:USDT-261225 price on binance", ["BTC/USDT:USDT-261225"]),
    ("BTC funding on binance", ["BTC/USDT:USDT"]),
    ("BTC and ETH price in euros on kraken", ["BTC/EUR", "ETH/EUR"]),
  ],
)
def test_symbols_have_the_venues_spelling(text, symbols):
  assert next(iter(spec(text)["sources"].values()))["with"]["symbols"] == symbols


def test_a_perp_and_a_spot_of_one_symbol_are_each_on_their_venue():
  sources = spec("BTC perp trades on okx and BTC spot trades on binance, every update")["sources"]
  assert sources["okx-trades"]["with"]["symbols"] == ["BTC/USDT:USDT"]
  assert sources["binance-trades"]["with"]["symbols"] == ["BTC/USDT"]


def test_a_window_never_mixes_spot_and_perp():
  (sentence,) = parse("spot and perp volume of ETH every 5s", WORDS).missing
  assert "does not tell them apart" in sentence
  document = spec("spot and perp price of ETH every 5s")
  (source,) = document["sources"].values()
  assert source == {
    "use": "binance.ticker",
    "with": {"symbols": ["ETH/USDT", "ETH/USDT:USDT"]},
  }
  assert [node["use"] for node in document["transforms"].values()] == ["core.sample"]


def test_recordings_are_another_command():
  (question,) = parse("BTC trades, record them to a parquet file", WORDS).questions
  assert "`bond record`" in question


@pytest.mark.parametrize(
  "text",
  [
    "the tape on sol perps, only clips over $250k",
    "SOL perp trades, but only trades over $250k",
    "sol perp trades; just the prints over $250k",
  ],
)
def test_data_that_is_said_again_is_narrowed(text):
  assert spec(text) == spec("SOL perp trades over $250k")


def test_several_lengths_of_bars_are_several_sources():
  sources = spec("1m, 5m and 15m candles for BTC")["sources"].values()
  assert [source["with"]["interval"] for source in sources] == ["1m", "5m", "15m"]


@pytest.mark.parametrize(
  ("text", "transforms"),
  [
    ("BTC price every 5s", {"window": 5}),
    ("BTC price", {"window": 5}),
    ("BTC book every 500ms", {"sample": 0.5}),
    ("BTC trades", {}),
    ("BTC price, every update", {}),
    ("BTC vwap over 5 minutes", {"window": 300}),
    ("BTC vwap over 5 minutes, every 5 minutes", {"window": 300}),
    ("BTC price and funding every 5s", {"sample": 5, "window": 5}),
    ("10s candles for BTC", {"window": 10}),
    ("24h volume of BTC every minute", {"sample": 60}),
  ],
)
def test_what_is_a_window_and_what_a_sample(text, transforms):
  reading = parse(text, WORDS)
  nodes = (reading.spec.get("transforms") or {}).items()
  found = {key: node["with"]["every"] for key, node in nodes if "every" in node["with"]}
  assert found == transforms


def test_candles_come_from_the_venue_where_it_has_their_length():
  assert spec("5m candles of BTC on binance")["sources"] == {
    "binance-candle": {
      "use": "binance.candle",
      "with": {"symbols": ["BTC/USDT"], "interval": "5m"},
    }
  }
  assert uses("10s candles of BTC on binance") == {"binance-trades": "binance.trades"}


def test_trades_that_are_requested_raw_and_in_windows_are_read_twice():
  found = spec("BTC trades, no aggregation, and BTC volume over the last hour")
  assert {node["use"] for node in found["sources"].values()} == {"binance.trades"}
  read = {key for node in found["transforms"].values() for key in node["from"]}
  assert set(found["sources"]) - read


def test_spread_and_mid_price_are_computed():
  fields = spec("spread and mid price of BTC every second")["transforms"]["fields"]["with"][
    "fields"
  ]
  assert fields["spread"] == "ask - bid"
  assert fields["mid"] == "(bid + ask) / 2"


def test_a_word_of_a_plugin_is_a_source():
  reading = parse("temperature and BTC price every minute", {**WORDS, "temperature": "weather.now"})
  assert reading.outcome == "ok"
  assert reading.spec["sources"]["weather-now"] == {
    "use": "weather.now",
    "with": {"symbols": ["BTC"]},
  }


def test_the_words_of_a_plugin_say_whose_source_answers():
  assert uses("tweets about BTC", {"tweets": "mastodon.posts"}) == {"tweets": "mastodon.posts"}
  reading = parse("posts about BTC", WORDS)
  assert reading.outcome == "warn"
  assert "'posts' is taken for Bluesky posts, which are free" in reading.sentence
  reading = parse("posts about BTC", {"posts": "x.posts"})
  assert reading.spec["sources"] == {"tweets": {"use": "x.posts", "with": {"symbols": ["BTC"]}}}


@pytest.mark.parametrize(
  ("text", "packages"),
  [
    ("tweets about BTC", ["bond-x"]),
    ("bluesky posts about BTC", ["bond-bluesky"]),
    ("BTC on-chain activity", ["bond-bitcoin"]),
    ("BTC price on okx", ["bond-okx"]),
    ("BTC price on kraken", ["bond-ccxt"]),
    ("BTC price", ["bond-binance"]),
  ],
)
def test_what_is_not_installed_is_understood_and_the_package_named(text, packages):
  reading = parse(text, {})
  assert reading.outcome == "ok"
  assert reading.packages == packages
  assert f"pip install {packages[0]}" in reading.missing[0]


@pytest.mark.parametrize(
  "text",
  ["news about BTC", "google trends for BTC", "BTC implied vol on deribit", "cvd of BTC"],
)
def test_what_no_package_offers_is_understood_and_said(text):
  reading = parse(text, WORDS)
  assert reading.outcome == "ok"
  assert reading.packages == []
  assert "no package" in reading.missing[0]


def test_what_is_missing_is_named_for_each_venue():
  assert parse("BTC price on kraken and mexc", {}).missing == [
    "price on kraken: not installed; pip install bond-ccxt",
    "price on mexc: not installed; pip install bond-ccxt",
  ]


@pytest.mark.parametrize(
  ("text", "question"),
  [
    ("BTC moves 1% in a minute and drops 5% in 10 minutes", "Which price move: 1% or 5%?"),
    ("BTC moves 1% in a minute and drops 5% in 10 minutes", "Which window: 1 min or 10 min?"),
    ("english tweets about BTC in japanese", "Which language: en or ja?"),
    (
      "top 10 coins and memecoins, price",
      "Which assets exactly? List them, for example BTC, ETH, SOL",
    ),
  ],
)
def test_several_values_of_what_has_one_are_asked_about(text, question):
  reading = parse(text, WORDS)
  assert reading.outcome == "ask"
  assert question in reading.questions


def test_the_default_venue_is_one_that_can_answer():
  okx = source_words(registry("okx"))
  assert uses("BTC price", okx) == {"okx-trades": "okx.trades", "okx-ticker": "okx.ticker"}
  assert uses("BTC open interest") == {"okx-open-interest": "okx.open_interest"}
  assert "okx-trades" in uses("BTC price, not binance")
  ccxt = source_words(registry("ccxt"))
  assert spec("BTC trades", ccxt)["sources"]["binance-trades"] == {
    "use": "ccxt.trades",
    "with": {"exchange": "binance", "symbols": ["BTC/USDT"]},
  }


def test_all_venues_are_those_that_are_installed():
  found = uses("BTC trades on all exchanges but okx")
  assert set(found) == {
    f"{venue}-trades" for venue in ("binance", "bybit", "coinbase", "hyperliquid")
  }


@pytest.mark.parametrize(
  ("one", "other"),
  [
    ("BTC price every 5s", "bitcoin prices every five seconds, please"),
    ("BTC price every 5s", "Show me the price of bitcoin each 5 secs"),
    ("ETH trades over $1m on binance", "binance eth trades > 1 million usd"),
    ("BTC price every 30s", "btc price every half-minute"),
  ],
)
def test_two_ways_to_say_one_thing_are_one_stream(one, other):
  first, second = (load_spec(json.dumps(spec(t)), registry=EVERYTHING) for t in (one, other))
  assert stream_id(first) == stream_id(second)


@pytest.mark.parametrize(
  ("text", "rest"),
  [
    ("BTC price and dominance every 30s", "BTC price every 30s"),
    ("AAPL and BTC price", "BTC price"),
    ("buy side of the BTC order book", "BTC order book"),
    ("gnarly BTC trades over $1m", "BTC trades over $1m"),
  ],
)
def test_where_leaving_something_out_is_an_answer_the_rest_is_there_to_confirm(text, rest):
  reading = parse(text, WORDS)
  assert reading.outcome == "ask"
  assert reading.spec == parse(rest, WORDS).spec


@pytest.mark.parametrize(
  "text",
  [
    *(
      "whale trades on BTC",
      "BTC prince",
      "price every 5s",
      "BTC price every 5",
      "same but for ETH",
    ),
    *(
      "top 10 coins, price",
      "BTC price every 1ms",
      "10m depth for BTC",
      "buy 1 BTC",
      "btc moves 2%",
    ),
  ],
)
def test_where_it_is_none_there_is_no_spec(text):
  assert parse(text, WORDS).spec is None


@pytest.mark.parametrize(
  ("text", "what"),
  [
    ("buy side of the BTC order book", "buys or sells"),
    ("english BTC trades", "a language"),
    ("BTC price depth 20", "a depth"),
    ("tweets about BTC on binance", "binance"),
    ("BTC perp tweets", "perp"),
    ("ETH moves more than 1% in a minute, every 5s", "5s"),
  ],
)
def test_what_has_no_effect_is_asked_about(text, what):
  reading = parse(text, WORDS)
  assert reading.outcome == "ask"
  assert any(what in question for question in reading.questions)


@pytest.mark.parametrize(
  ("text", "said"),
  [
    ("short ETH liquidations", "shorts only"),
    ("long BTC liquidations", "longs only"),
    ("convert BTC price to yen every 10s", "BTC/JPY"),
  ],
)
def test_data_that_begins_with_the_word_for_an_order_is_no_order(text, said):
  reading = parse(text, WORDS)
  assert reading.outcome in ("ok", "warn")
  assert said in reading.sentence


@pytest.mark.parametrize("text", ["short ETH", "long BTC at market price", "convert BTC to USDT"])
def test_an_order_is_rejected(text):
  assert parse(text, WORDS).outcome == "reject"


@pytest.mark.parametrize(
  ("text", "venue", "symbol"),
  [
    ("BTCUSD perp trades on binance", "binance", "BTC/USD:BTC"),
    ("BTCUSD perp trades", "binance", "BTC/USD:BTC"),
    ("ETH/USD funding on bybit", "bybit", "ETH/USD:ETH"),
    ("BTCUSDT perp trades on binance", "binance", "BTC/USDT:USDT"),
    ("BTC-USD_UM-SWAP trades on okx", "okx", "BTC/USD:USD"),
  ],
)
def test_a_perpetual_in_dollars_is_an_inverse_one_where_the_others_are_in_usdt(text, venue, symbol):
  (source,) = spec(text)["sources"].values()
  assert source["use"].startswith(f"{venue}.")
  assert source["with"]["symbols"] == [symbol]


@pytest.mark.parametrize(
  ("text", "symbols"),
  [
    ("xyz:TSLA and @107 trades on hyperliquid", ["xyz:TSLA", "@107"]),
    ("FLX-TSLA perp price on hyperliquid", ["flx:TSLA"]),
    ("1MBABYDOGE futures trades on binance", ["1MBABYDOGE/USDT:USDT"]),
    ("price of 币安人生 on binance", ["币安人生/USDT"]),
  ],
)
def test_a_market_goes_by_the_name_that_its_venue_has_for_it(text, symbols):
  (first, *_) = spec(text)["sources"].values()
  assert first["with"]["symbols"] == symbols


def test_a_window_is_of_the_figure_that_it_stands_beside():
  nodes = spec("24h volume and last price of TON on okx")["transforms"]
  assert nodes["window"]["with"]["every"] == 5
  nodes = spec("5s vwap and trade count of DOT on kucoin")["transforms"]
  assert nodes["window"]["with"]["every"] == 5
  assert len(nodes) == 1


def test_contracts_are_of_the_venue_that_has_them():
  words = {"kraken": "ccxt.trades", "krakenfutures": "ccxt.trades"}
  for text, venue in [("BTC perp trades", "krakenfutures"), ("BTC trades", "kraken")]:
    (source,) = spec(f"{text} on kraken", words)["sources"].values()
    assert source["with"]["exchange"] == venue


@pytest.mark.parametrize(
  ("text", "condition"),
  [
    ("closed 5m candles of BTC on okx", ["closed"]),
    ("JUP and BONK transfers on solana over 1m", ["value >= 1000000"]),
    ("USDC or USDT on ethereum, 5M+", ["value >= 5000000"]),
    ("500 BTC moving on chain", ["value >= 500"]),
  ],
)
def test_bounds_are_on_what_they_stand_beside(text, condition):
  assert where(text) == condition


def test_a_wallet_of_bitcoin_is_one_and_both_ways_are_told():
  wallet = "bc1qgdjqv0av3q56jvd82tkdjpy7gdp9ut8tlqmgrpmv24sq90ecnvqqjwvw97"
  reading = parse(f"bitcoin transfers to {wallet}", WORDS)
  assert reading.spec["sources"]["onchain-bitcoin"]["with"]["accounts"] == [wallet]
  assert reading.outcome == "warn"
  assert "both ways" in reading.sentence


def test_a_ticker_of_no_list_is_asked_about_with_a_pair_to_copy():
  reading = parse("trx & usdd trades on htx", WORDS)
  assert reading.outcome == "ask"
  assert reading.offers[0]["request"] == "trx & USDD/USDT trades on htx"
  assert parse("KAITO price", WORDS).offers[0]["request"] == "KAITO/USDT price"


@pytest.mark.parametrize(
  "wish", ["send me a mail when", "slack us once", "let me know if", "drop me a line whenever"]
)
def test_a_message_is_none_that_bond_sends(wish):
  reading = parse(f"{wish} BTC is over 100k", WORDS)
  assert reading.outcome == "warn"
  assert "sends no notifications" in reading.sentence


def test_blocks_are_of_no_chain_that_is_only_assumed():
  reading = parse("TIA blocks", WORDS)
  assert reading.missing == ["blocks of TIA: no package is known that has its chain"]
  assert "Solana" not in reading.sentence


def test_so_little_of_the_past_is_asked_about():
  reading = parse("ltc/btc last 5s", WORDS)
  assert [offer["request"] for offer in reading.offers] == ["ltc/btc last price every 5 s"]
  assert parse("ltc/btc over the last hour", WORDS).outcome == "reject"
