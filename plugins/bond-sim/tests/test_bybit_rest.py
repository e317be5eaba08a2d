async def result(sim, path):
  body = (await sim.get(path)).json()
  assert body["retCode"] == 0, body
  return body["result"]


async def test_one_symbol_may_be_listed_in_two_categories(start_bybit):
  sim = await start_bybit()
  found = {}
  for category in ("spot", "linear", "inverse"):
    listed = await result(sim, f"/v5/market/instruments-info?category={category}")
    found[category] = {row["symbol"]: row for row in listed["list"]}
  assert "BTCUSDT" in found["spot"]
  assert found["linear"]["BTCUSDT"]["contractType"] == "LinearPerpetual"
  assert found["inverse"]["BTCUSD"]["settleCoin"] == "BTC"
  assert [row for row in found["inverse"].values() if row["contractType"] == "InverseFutures"]


async def test_a_book_has_as_many_levels_as_asked_for(start_bybit):
  sim = await start_bybit()
  path = "/api.bybit.com/v5/market/orderbook?category=inverse&symbol=BTCUSD&limit=50"
  book = await result(sim, path)
  assert (len(book["b"]), len(book["a"])) == (50, 50)
  assert float(book["b"][0][0]) < float(book["a"][0][0])


async def test_candles_come_newest_first_and_inverse_turnover_is_in_coins(start_bybit):
  sim = await start_bybit()
  path = "/v5/market/kline?category=inverse&symbol=BTCUSD&interval=5&limit=10"
  bars = (await result(sim, path))["list"]
  starts = [int(bar[0]) for bar in bars]
  assert starts == [starts[0] - 300_000 * step for step in range(10)]
  _, _, high, low, _, dollars, coins = map(float, bars[1])
  assert dollars / high * 0.999 <= coins <= dollars / low * 1.001


async def test_tickers_of_contracts_carry_funding_and_open_interest(start_bybit):
  sim = await start_bybit()
  [perpetual] = (await result(sim, "/v5/market/tickers?category=linear&symbol=BTCUSDT"))["list"]
  assert abs(float(perpetual["fundingRate"])) < 0.01
  value = float(perpetual["openInterest"]) * float(perpetual["markPrice"])
  assert abs(value / float(perpetual["openInterestValue"]) - 1) < 1e-4


async def test_errors_have_the_venues_form(start_bybit):
  sim = await start_bybit()
  for query in ("category=linear&symbol=NONE", "category=nothing&symbol=BTCUSDT"):
    body = (await sim.get(f"/v5/market/recent-trade?{query}")).json()
    assert body["retCode"] == 10001
    assert body["result"] == {}


async def test_candles_are_paged_by_start_and_by_end(start_bybit):
  sim = await start_bybit(start=1_700_000_000_000)
  path = "/v5/market/kline?category=linear&symbol=BTCUSDT&interval=5&limit=10"
  newest = [int(bar[0]) for bar in (await result(sim, path))["list"]]
  begin = newest[-1] - 10 * 300_000
  onwards = [int(bar[0]) for bar in (await result(sim, f"{path}&start={begin}"))["list"]]
  assert onwards == [begin + 300_000 * step for step in range(9, -1, -1)]
  until = [int(bar[0]) for bar in (await result(sim, f"{path}&end={newest[2]}"))["list"]]
  assert until == [newest[2] - 300_000 * step for step in range(10)]


async def test_funding_rates_come_newest_first_up_to_an_end(start_bybit):
  sim = await start_bybit(start=1_700_000_000_000)
  path = "/v5/market/funding/history?category=linear&symbol=BTCUSDT"
  found = (await result(sim, f"{path}&limit=4"))["list"]
  times = [int(row["fundingRateTimestamp"]) for row in found]
  assert times == [1_699_977_600_000 - 28_800_000 * step for step in range(4)]
  assert (await result(sim, f"{path}&startTime={times[2]}&endTime={times[1]}"))["list"] == found[
    1:3
  ]
  assert len((await result(sim, path))["list"]) == 200
  alone = (await sim.get(f"{path}&startTime={times[2]}")).json()
  assert alone["retCode"] == 10001
  spot = (await sim.get(path.replace("linear", "spot"))).json()
  assert spot["retCode"] == 10001


async def test_open_interest_is_read_back_page_by_page(start_bybit):
  sim = await start_bybit(start=1_700_000_000_000)
  path = "/v5/market/open-interest?category=inverse&symbol=BTCUSD&intervalTime=5min"
  until = 1_699_999_800_000
  begin = until - 5 * 300_000
  whole = await result(sim, f"{path}&startTime={begin}&endTime={until}")
  assert [int(row["timestamp"]) for row in whole["list"]] == [until - 300_000 * n for n in range(6)]
  assert whole["nextPageCursor"] == ""
  paged, cursor = [], ""
  for _ in range(3):
    page = await result(sim, f"{path}&startTime={begin}&endTime={until}&limit=2&cursor={cursor}")
    paged += page["list"]
    cursor = page["nextPageCursor"]
  assert paged == whole["list"]
  assert cursor == ""
  wrong = (await sim.get(path.replace("5min", "5m"))).json()
  assert wrong["retCode"] == 10001
