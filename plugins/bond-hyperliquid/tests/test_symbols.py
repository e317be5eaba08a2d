"""Markets as users write them, the coins that the venue calls them by, and its list."""

import json

import pytest
from bond_hyperliquid import config
from bond_hyperliquid.feed import hyperliquid_feed
from bond_hyperliquid.listing import Coins
from bond_hyperliquid.symbols import read_symbol, spelling

from bond_core import Refused
from bond_core.feeds import Notice, Reject


@pytest.mark.parametrize(
  ("written", "full"),
  [
    ("BTC", "BTC/USDC:USDC"),
    ("kPEPE", "KPEPE/USDC:USDC"),
    ("btcusdc", "BTC/USDC"),
    ("BTC:USDC", "BTC/USDC"),
    ("BTC/USDC:USDC", "BTC/USDC:USDC"),
    ("purr-usdc", "PURR/USDC"),
    ("XYZ-TSLA/USDC:USDC", "XYZ-TSLA/USDC:USDC"),
    ("FLX-TSLA/USDH:USDH", "FLX-TSLA/USDH:USDH"),
  ],
)
def test_spellings(written, full):
  instrument = read_symbol(written).on("hyperliquid")
  assert spelling(instrument) == full
  assert read_symbol(full).on("hyperliquid") == instrument


@pytest.mark.parametrize("written", ["", "BTC/USDC:USDT", "BTC/USDT:BTC", "a:b:c"])
def test_what_is_no_symbol_is_a_sentence(written):
  with pytest.raises(ValueError, match=r"symbol|settle"):
    read_symbol(written)


@pytest.mark.parametrize(
  ("written", "coin", "symbol"),
  [
    ("BTC", "BTC", "BTC/USDC"),
    ("kpepe", "kPEPE", "KPEPE/USDC"),
    ("xyz:TSLA", "xyz:TSLA", "XYZ-TSLA/USDC"),
    ("XYZ-TSLA/USDC:USDC", "xyz:TSLA", "XYZ-TSLA/USDC"),
    ("flx:TSLA", "flx:TSLA", "FLX-TSLA/USDH"),
    ("HYPE/USDC", "@107", "HYPE/USDC"),
    ("@107", "@107", "HYPE/USDC"),
    ("PURR/USDC", "PURR/USDC", "PURR/USDC"),
    ("HYPE-230/USDC", "@230", "HYPE-230/USDC"),
  ],
)
def test_the_list_says_what_a_market_is_called(venue, written, coin, symbol):
  hyperliquid = venue(config.Trades(symbols=[written]))
  assert hyperliquid.asked == [
    {"method": "subscribe", "subscription": {"type": "trades", "coin": coin}}
  ]
  row = {"coin": coin, "side": "B", "px": "1", "sz": "2", "time": hyperliquid.now_ms, "tid": 5}
  [event] = hyperliquid.say("trades", [row])
  assert event.symbol == symbol


@pytest.mark.parametrize(
  ("written", "told"),
  [
    ("BTC/USDT:USDT", "there is no BTC/USDT:USDT on Hyperliquid; did you mean 'BTC/USDC:USDC'"),
    ("FLX-TSLA/USDC:USDC", "there is no FLX-TSLA/USDC:USDC on Hyperliquid"),
    ("ODD-X/USDC:USDC", "there is no ODD-X/USDC:USDC on Hyperliquid"),
    ("MATIC", "MATIC/USDC:USDC is no longer traded on Hyperliquid (status delisted)"),
    ("xyz:NONE", "Hyperliquid lists no XYZ:NONE"),
  ],
)
def test_what_is_not_listed_is_never_subscribed_to(venue, written, told):
  """A coin that does not exist ends the connection with all that it carries."""
  hyperliquid = venue(config.Trades(symbols=["ETH", written]))
  if "no longer" in told:
    # That is believed of a second list.
    [notice] = hyperliquid.take(Notice)
    assert notice.reason == f"{told}; the list is read once more"
    hyperliquid.later(16)
  [reject] = hyperliquid.other
  assert isinstance(reject, Reject)
  assert reject.reason.startswith(told)
  assert [request["subscription"]["coin"] for request in hyperliquid.asked] == ["ETH"]


def test_a_list_that_breaks_off_is_read_from_its_beginning(venue):
  """Its first part alone would say that there are no perpetuals."""
  hyperliquid = venue(config.Trades(symbols=["BTC"]), perps=[])
  hyperliquid.later(1)
  assert [action.reason for action in hyperliquid.other] == [
    "it is not known yet what BTC/USDC:USDC is on Hyperliquid: the list is empty"
  ]
  hyperliquid.perps = [{"universe": [{"name": "BTC"}], "collateralToken": 0}]
  hyperliquid.later(16)
  assert [request["subscription"]["coin"] for request in hyperliquid.asked] == ["BTC"]
  assert hyperliquid.lists == [b'{"type":"spotMeta"}', b'{"type":"allPerpMetas"}'] * 2


def test_what_is_added_while_the_list_is_read_waits_for_the_same_one(venue):
  added = config.Trades(symbols=["ETH"]).subscriptions()

  class Slow(venue):
    def on_fetch(self, fetch):
      if self.lists:  # The second part is under way.
        self.feed.on_change(1, added, [], self.now)
      return super().on_fetch(fetch)

  hyperliquid = Slow(config.Trades(symbols=["BTC"]))
  assert hyperliquid.lists == [b'{"type":"spotMeta"}', b'{"type":"allPerpMetas"}']
  assert [request["subscription"]["coin"] for request in hyperliquid.asked] == ["BTC", "ETH"]
  assert hyperliquid.other == []


def test_a_delisted_market_is_told_and_left(venue):
  hyperliquid = venue(config.Trades(symbols=["BTC", "ETH"]))
  gone = json.loads(json.dumps(hyperliquid.perps))
  gone[0]["universe"][1]["isDelisted"] = True
  hyperliquid.perps = gone
  hyperliquid.later(400)
  hyperliquid.later(16)
  [notice] = hyperliquid.other
  assert isinstance(notice, Notice)
  assert "ETH/USDC:USDC is no longer traded (status delisted) on Hyperliquid" in notice.reason
  assert hyperliquid.asked[-1]["method"] == "unsubscribe"


@pytest.mark.parametrize("source", [config.Funding, config.OpenInterest])
def test_what_only_perpetuals_have(source):
  [subscription] = source(symbols=["HYPE/USDC"]).subscriptions()
  spot = subscription._replace(instrument=subscription.instrument._replace(market_type="spot"))
  with pytest.raises(Refused, match="the perpetual is HYPE/USDC:USDC"):
    hyperliquid_feed(config.Connection()).group(spot)


def test_names_of_tokens_that_are_equal_make_no_two_markets_one(venue):
  coins, lists = Coins(), venue(config.Trades(symbols=["BTC"]))
  pages = [coins.read(json.dumps(part).encode()) for part in (lists.spot, lists.perps)]
  markets = [market for page in pages for market in page.markets]
  assert len({market.symbol for market in markets}) == len({m.coin for m in markets}) == 9
  assert all(coins.coin(coins.written(market.coin)) == market.coin for market in markets)


def test_a_row_that_cannot_be_read_tells_nothing_of_the_others(venue):
  whole = venue(config.Trades(symbols=["BTC"]))
  spot = {key: [None, *rows, {}] for key, rows in whole.spot.items()}
  broken = {"name": "ETH", "szDecimals": "4"}
  perps = [{"universe": [whole.perps[0]["universe"][0], broken, 7], "collateralToken": 0}, None, {}]
  v = venue(config.Trades(symbols=["BTC", "ETH", "HYPE/USDC"]), spot=spot, perps=perps)
  assert [request["subscription"]["coin"] for request in v.asked] == ["BTC", "@107"]
  [notice] = v.other
  assert "for ETH/USDC:USDC cannot be read" in notice.reason
  v.perps = whole.perps
  v.later(16)
  assert v.asked[-1]["subscription"]["coin"] == "ETH"


def test_more_levels_than_the_venue_has_are_refused():
  with pytest.raises(ValueError, match=r"21 levels cannot be shown; write 1 to 20$"):
    config.Books(symbols=["BTC"], depth=21)
  assert config.Books(symbols=["BTC"], depth=20).depth == 20
