"""The lists of markets that are read again while subscriptions last."""

import pytest
from bond_bybit import config

from bond_core.feeds import Fetch, Notice


def row(symbol, status="Trading", tick="0.10"):
  return {
    "symbol": symbol,
    "status": status,
    "priceFilter": {"tickSize": tick},
    "lotSizeFilter": {"qtyStep": "0.001"},
  }


def pages(*rows, pre=()):
  """A list of two pages, and the one of contracts before their launch."""
  return {
    "": {"list": rows[:1], "nextPageCursor": "page=2"},
    "&cursor=page%3D2": {"list": rows[1:], "nextPageCursor": ""},
    "&status=PreLaunch": {"list": list(pre), "nextPageCursor": ""},
  }


ROWS = row("BTCUSDT"), row("ETHUSDT"), row("SOLUSDT")
BOTH = ["BTC/USDT:USDT", "ETH/USDT:USDT"]


def trade(symbol):
  one = {"T": 1, "s": symbol, "S": "Buy", "v": "1", "p": "2", "i": "a", "BT": False, "seq": 1}
  return {"topic": f"publicTrade.{symbol}", "type": "snapshot", "ts": 1, "data": [one]}


def test_a_delisted_market_leaves_its_subscription_and_comes_back(venue):
  bybit = venue(config.Trades(symbols=BOTH), listed=pages(*ROWS))
  bybit.later(61)
  bybit.listed, before = pages(ROWS[0], ROWS[2]), bybit.lists
  while bybit.lists == before:
    bybit.later(1)
  # One reading may be wrong; the second one counts.
  assert bybit.other == []
  bybit.later(16)
  [notice] = bybit.other
  assert notice.reason == (
    "ETH/USDT:USDT is no longer listed on Bybit linear; Bond has unsubscribed and looks at the "
    "list again"
  )
  asked = [(request["op"], request["args"]) for request in bybit.asked]
  assert asked[1:] == [("unsubscribe", ["publicTrade.ETHUSDT"])]
  bybit.listed = pages(*ROWS)
  bybit.later(370)
  assert bybit.other[1:] == [Notice(notice.subscription, None)]
  assert bybit.asked[-1]["args"] == ["publicTrade.ETHUSDT"]


@pytest.mark.parametrize(
  ("rows", "pre"), [((ROWS[0], ROWS[2]), [row("ETHUSDT", "PreLaunch")]), (ROWS, [])]
)
def test_what_is_listed_or_about_to_be_stays(venue, rows, pre):
  bybit = venue(config.Trades(symbols=BOTH), listed=pages(*rows, pre=pre))
  for _ in range(60):
    bybit.later(16)
  assert bybit.other == []
  assert len(bybit.asked) == 1


def test_what_delivers_has_not_left(venue):
  bybit = venue(config.Trades(symbols=BOTH), listed=pages(ROWS[0], ROWS[2]))
  for _ in range(50):
    bybit.later(16)
    bybit.hear(trade("ETHUSDT"))
  assert bybit.other == []


@pytest.mark.parametrize("status", ["Settling", "Delivering", "Halted"])
def test_what_is_not_traded_is_waited_for_and_changed_steps_are_told(venue, status):
  bybit = venue(config.Trades(symbols=BOTH), listed=pages(ROWS[0], row("ETHUSDT", status)))
  bybit.later(61)
  [notice] = bybit.other
  assert notice.unavailable
  assert f"ETH/USDT:USDT is not traded at present on Bybit linear (status {status})" == (
    notice.reason
  )
  bybit.listed = pages(ROWS[0], row("ETHUSDT", tick="0.05"))
  bybit.later(16)
  assert bybit.other[1:] == [Notice(notice.subscription, None)]
  bybit.listed = pages(ROWS[0], row("ETHUSDT", status, tick="0.01"))
  bybit.later(370)
  bybit.listed = pages(ROWS[0], row("ETHUSDT", tick="0.01"))
  bybit.later(16)
  # Not while it is not traded, since that is what its readers see then.
  _, over, told = bybit.other[2:]
  assert over.reason is None
  assert told.reason.endswith("the tick size is 0.01 now, it was 0.05")
  assert not told.unavailable


def test_a_list_that_ends_nowhere_is_read_once(venue):
  again = {"list": [ROWS[0]], "nextPageCursor": "again"}
  bybit = venue(config.Trades(symbols=BOTH[:1]), listed={"": again, "&cursor=again": again})
  bybit.later(61)
  assert bybit.other == []


def test_the_list_is_read_at_the_venues_pace(venue):
  bybit = venue(config.Trades(symbols=BOTH))
  bybit.later(59)
  assert bybit.other == []
  bybit.later(2)
  [fetch] = bybit.other
  assert isinstance(fetch, Fetch)
  assert not fetch.needed
  assert fetch.url.endswith("/v5/market/instruments-info?category=linear&limit=1000")


def test_a_row_that_cannot_be_read_tells_nothing_of_the_others(venue):
  broken = row("ETHUSDT") | {"status": None}
  bybit = venue(config.Trades(symbols=BOTH), listed=pages(broken, ROWS[0], {"symbol": None}))
  bybit.later(61)
  [notice] = bybit.other
  assert notice.unavailable
  assert "what is listed on Bybit linear for ETH/USDT:USDT cannot be read" in notice.reason
  bybit.listed = pages(*ROWS)
  bybit.later(16)
  assert bybit.other[1:] == [Notice(notice.subscription, None)]
