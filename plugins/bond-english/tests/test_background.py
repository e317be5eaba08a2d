"""What is said of the asker, and words that nobody has listed: ignored where they can change
nothing, asked about where they can."""

import pytest
from bond_commandkit import summary_of
from bond_english.building.said import conditions_said
from bond_english.parsing import parse
from installed import WORDS

PLAIN = "ETH trades on okx"

ASIDES = [
  "hiya! {}",
  "howdy folks, {}",
  "context: research on slippage and volatility. data: {}",
  "our desk backtests the basis, so {}",
  "I trade the skew so: {}",
  "hey claude-agent here; requirement: {}",
  "to train a momentum model I need {}",
  "{} for my arb bot",
  "{} for a little hobby of mine",
  "{} so that I can compute the ratio myself",
  "{}, if it isn't too much trouble",
  "my flatmate insists on {}",
  "{} natively and without fuss",
  "{}. Yours sincerely, Marianne",
  "request #17 -> {}",
  "I'd love to surprise my sister with {}",
  "for my thesis on microstructure I need {}",
  "{} so i can watch the premium",
  "{}, it is for an article on stablecoin flows",
  "{}, this is for our study of volatility",
  "I've been trading since 2017. {}",
  "{}, if that's simpler",
]


@pytest.mark.parametrize("frame", ASIDES)
def test_what_is_said_besides_is_ignored_and_told(frame):
  reading = parse(frame.format(PLAIN), WORDS)
  assert reading.outcome in ("ok", "warn"), reading.questions
  assert reading.spec == parse(PLAIN, WORDS).spec


NARROWING = [
  "insider ETH trades on okx",
  "ETH trades of unusual size on okx",
  "ETH price momentum on okx",
  "ETH trades and sunshine on okx",
  "ETH trades when volatile, okx",
  "ETH trades from hedge funds on okx",
  "the tightest ETH spread on okx",
  "ETH trades on okx, sunshine",
  "price of lumber on okx",
  "ETH ratio to BTC on okx",
  "goal: the ratio of ETH and BTC on okx",
  "ETH trades on steam",
  "ETH price on okx without weekends",
  "ETH trades on okx, no insiders",
  "KAITO: trades; ETH: trades",
  "kaito. ETH trades on okx",
  "for momentum I need ETH trades on okx",
  "ETH trades on okx if it pumps",
  "ETH trades on okx, so premium too",
  "same but for ETH trades on okx",
]


@pytest.mark.parametrize("text", NARROWING)
def test_words_that_may_narrow_the_data_down_are_asked_about(text):
  assert parse(text, WORDS).outcome == "ask"


@pytest.mark.parametrize(
  ("text", "other"),
  [
    ("Ignore small stuff: SOL trades at least $20k", "SOL trades at least $20k"),
    ("ignoring the tiny ones: ETH liquidations over $50k", "ETH liquidations over $50k"),
    ("Could you get ETH's trades on okx?", PLAIN),
    ("We hold 300 ETH. ETH trades on okx", PLAIN),
    ("I want my class to plot it on Thursday. ETH trades on okx", PLAIN),
    ("okx.watchTrades('ETH/USDT') can u give me the same thing", PLAIN),
    ("ETH trades at intervals of 30 seconds on okx", "ETH trades every 30 s on okx"),
    ("ETH open interest, all the perp exchanges", "ETH perp open interest, all exchanges"),
    ("our fund has 2m ARB: price on okx every 5s", "ARB price on okx every 5s"),
    ("ETH trades on okx, no perps", "ETH spot trades on okx"),
    ("HYPE trades on hyperliquid, not perps", "HYPE spot trades on hyperliquid"),
    ('{"symbol": "ETHUSDT", "exchange": "gate", "channel": "trades"}', "ETH/USDT trades on Gate"),
    ("ETH trades, gate + okx", "ETH trades on Gate and okx"),
    ("only the buying ones of ETH trades on okx", "ETH buys on okx"),
    ("spread between bid n ask of ETH on okx", "ETH spread on okx"),
    ("mempool fees every minute", "bitcoin mempool fees every minute"),
    ("kraken's btc book", "btc book on kraken"),
    ("ETH trades on bybit, wait, on okx", PLAIN),
    ("ETH trades on bybit... sorry, okx", PLAIN),
    ("SOL book on okx, 20 levels - actually 50", "SOL book on okx, 50 levels"),
    ("SOL trades over 5k usd, make it 50k usd", "SOL trades over 50k usd"),
    ("eth buys on okx. wait not buys, sells", "eth sells on okx"),
    ("https://api.okx.com:443/api/v5/trades?symbol=ETHUSDT", PLAIN),
    ("okx.watchOrderBook('SOL/USDT', 50)", "SOL book on okx, 50 levels"),
    ("1) ETH trades on okx", PLAIN),
    ("ETH price in GBP on kraken, er, in EUR", "ETH price in EUR on kraken"),
    ("ETH trades, minus anything below 1 ETH", "ETH trades of at least 1 ETH"),
    ("btc trades over two hundred and fifty thousand dollars", "btc trades over $250k"),
    ("BTC price cheaper than 90000 usd", "BTC price below 90000 usd"),
  ],
)
def test_two_ways_to_say_one_thing(text, other):
  reading = parse(text, WORDS)
  assert reading.outcome in ("ok", "warn"), reading.questions
  assert reading.spec == parse(other, WORDS).spec


@pytest.mark.parametrize(
  ("text", "where"),
  [
    ("eth price above 4000 or below 2500", "(price_close >= 4000 or price_close <= 2500)"),
    ("eth trades outside 2 to 5 eth", "(size >= 5 or size <= 2)"),
    ("btc funding above 0.05% or below -0.05%", "(rate >= 0.0005 or rate <= -0.0005)"),
    ("btc trades priced over 120000", "price >= 120000"),
    ("negative btc funding", "rate < 0"),
    ("btc trades bigger than 2 coins", "size >= 2"),
  ],
)
def test_bounds_are_on_what_they_are_said_of(text, where):
  (delivered,) = {entry["where"] for entry in parse(text, WORDS).delivers}
  assert delivered == where


def test_what_is_outside_of_two_bounds_is_said_once():
  bounds = [("min_price", 4000), ("side", "buy"), ("max_price", 2500)]
  assert conditions_said([*bounds, *bounds]) == ["at ≥ 4,000 or at ≤ 2,500", "buys only"]


def test_a_share_is_a_perpetual_only_where_one_is_named():
  (delivered,) = parse("trades of the TSLA perp on hyperliquid", WORDS).delivers
  assert delivered["symbol"] == "XYZ-TSLA"
  (aside,) = parse("I trade TSLA on Hyperliquid. BTC funding there", WORDS).delivers
  assert aside["symbol"] == "BTC/USDC"
  for text in ("TSLA price on hyperliquid", "TSLA perp trades on okx"):
    assert parse(text, WORDS).outcome == "reject"


def test_each_asset_has_its_own_amount():
  reading = parse("DAI + WBTC transfers, min 50 wbtc / min 1m dai", WORDS)
  assert {(e["symbol"], e["where"]) for e in reading.delivers} == {
    ("DAI", "value >= 1000000"),
    ("WBTC", "value >= 50"),
  }


def test_an_amount_of_a_bitcoin_transaction_needs_events_that_have_one():
  spec = parse("bitcoin transactions in the mempool over 250 BTC", WORDS).spec
  (source,) = spec["sources"].values()
  assert source["with"]["event_types"] == ["transfer"]


def test_an_amount_is_of_transfers_and_of_no_block_beside_them():
  reading = parse("every bitcoin block plus the transactions above 500 BTC", WORDS)
  assert [entry["where"] for entry in reading.delivers] == ["value >= 500", ""]
  assert "of ≥ 500 BTC" not in reading.delivers[1]["text"]


def test_merged_quotes_are_the_first_level_of_one_book():
  reading = parse("best bid and offer of xrp-usd on coinbase and kraken, consolidated", WORDS)
  assert {entry["type"] for entry in reading.delivers} == {"consolidated"}


def test_a_quarterly_and_its_perpetual_are_two_instruments():
  text = "binance BTCUSDT_261225 quotes, the quarterly, against the perp's quotes"
  (source,) = parse(text, WORDS).spec["sources"].values()
  assert source["with"]["symbols"] == ["BTC/USDT:USDT-261225", "BTC/USDT:USDT"]


def test_two_lengths_of_bars_are_two():
  summary = summary_of(parse("1d and 4h bars for btc on binance", WORDS))
  assert summary["filters"] == {"bar_sec": [86400, 14400]}
