async def rows(sim, path):
  body = (await sim.get(path)).json()
  assert body["code"] == "0", body
  return body["data"]


async def test_all_families_are_listed_with_what_a_contract_is_worth(start_okx):
  sim = await start_okx()
  for family, symbol, worth, kind in (
    ("SPOT", "BTC-USDT", "", ""),
    ("SWAP", "BTC-USDT-SWAP", "0.01", "linear"),
    ("SWAP", "BTC-USD-SWAP", "100", "inverse"),
  ):
    listed = {
      row["instId"]: row for row in await rows(sim, f"/api/v5/public/instruments?instType={family}")
    }
    assert (listed[symbol]["ctVal"], listed[symbol]["ctType"]) == (worth, kind)
  dated = await rows(sim, "/api/v5/public/instruments?instType=FUTURES")
  assert {row["instId"].rpartition("-")[0] for row in dated} == {
    *("BTC-USD", "BTC-USD_UM", "BTC-USD_UM_XPERP")
  }
  assert all(int(row["expTime"]) > int(row["listTime"]) for row in dated)


async def test_a_book_has_as_many_levels_as_asked_for(start_okx):
  sim = await start_okx()
  [book] = await rows(sim, "/www.okx.com/api/v5/market/books?instId=BTC-USDT&sz=20")
  assert (len(book["bids"]), len(book["asks"])) == (20, 20)
  assert float(book["bids"][0][0]) < float(book["asks"][0][0])


async def test_candles_come_newest_first_and_only_the_first_is_open(start_okx):
  sim = await start_okx()
  bars = await rows(sim, "/api/v5/market/candles?instId=BTC-USDT-SWAP&bar=5m&limit=10")
  starts = [int(bar[0]) for bar in bars]
  assert starts == [starts[0] - 300_000 * step for step in range(10)]
  assert [bar[8] for bar in bars] == ["0"] + ["1"] * 9
  contracts, coins = float(bars[1][5]), float(bars[1][6])
  assert coins == float(f"{contracts * 0.01:.8f}")


async def test_facts_of_a_perpetual_and_errors_in_the_venues_form(start_okx):
  sim = await start_okx()
  [funding] = await rows(sim, "/api/v5/public/funding-rate?instId=BTC-USDT-SWAP")
  assert abs(float(funding["fundingRate"])) < 0.01
  [interest] = await rows(sim, "/api/v5/public/open-interest?instType=SWAP&instId=BTC-USDT-SWAP")
  assert abs(float(interest["oi"]) * 0.01 - float(interest["oiCcy"])) < 1e-6
  [ticker] = await rows(sim, "/api/v5/market/ticker?instId=ETH-USDT")
  assert float(ticker["bidPx"]) < float(ticker["askPx"])
  unknown = await sim.get("/api/v5/market/trades?instId=NO-NO")
  assert unknown.json() == {"code": "51001", "msg": "Instrument ID does not exist", "data": []}


async def test_more_requests_than_published_are_answered_429_and_counted(start_okx):
  sim = await start_okx()
  statuses = [(await sim.get("/api/v5/public/time")).status_code for _ in range(21)]
  assert statuses[-1] == 429
  assert (await sim.stats())["violations"]["requests of public/time"] >= 1


async def test_candles_are_paged_by_exclusive_times(start_okx):
  sim = await start_okx(start=1_700_000_000_000)
  path = "/api/v5/market/candles?instId=BTC-USDT&bar=5m&limit=10"
  newest = [int(bar[0]) for bar in await rows(sim, path)]
  older = [int(bar[0]) for bar in await rows(sim, f"{path}&after={newest[-1]}")]
  assert older == [newest[-1] - 300_000 * step for step in range(1, 11)]
  newer = [int(bar[0]) for bar in await rows(sim, f"{path}&before={newest[3]}")]
  assert newer == newest[:3]


FUNDING_MS = 8 * 3_600_000


async def test_funding_rates_are_paged_by_exclusive_times(start_okx):
  sim = await start_okx(start=1_700_000_000_000)
  path = "/api/v5/public/funding-rate-history?instId=BTC-USDT-SWAP&limit=5"
  newest = await rows(sim, path)
  times = [int(row["fundingTime"]) for row in newest]
  last = 1_700_000_000_000 // FUNDING_MS * FUNDING_MS
  assert times == [last - FUNDING_MS * step for step in range(5)]
  assert all(abs(float(row["realizedRate"])) < 0.005 for row in newest)
  older = await rows(sim, f"{path}&after={times[1]}")
  assert older[:3] == newest[2:]
  assert await rows(sim, f"{path}&before={times[3]}") == newest[:3]
  spot = await sim.get("/api/v5/public/funding-rate-history?instId=BTC-USDT")
  assert spot.json()["code"] == "51000"


async def test_open_interest_before_the_start_is_equal_whenever_asked(start_okx):
  sim = await start_okx(start=1_700_000_000_000)
  path = "/api/v5/rubik/stat/contracts/open-interest-history?instId=BTC-USDT-SWAP"
  newest = await rows(sim, f"{path}&period=5m&limit=4")
  assert [int(row[0]) for row in newest] == [1_699_999_800_000 - 300_000 * n for n in range(4)]
  assert all(abs(float(row[1]) * 0.01 - float(row[2])) < 1e-6 for row in newest)
  begin, end = int(newest[3][0]), int(newest[0][0])
  between = await rows(sim, f"{path}&period=5m&begin={begin}&end={end}")
  assert [row[:3] for row in between] == [row[:3] for row in newest[1:3]]
  [now] = await rows(sim, "/api/v5/public/open-interest?instType=SWAP&instId=BTC-USDT-SWAP")
  assert 0.9 < float(newest[0][1]) / float(now["oi"]) < 1.1
  hours = await rows(sim, f"{path}&period=1H&limit=2")
  assert int(hours[0][0]) - int(hours[1][0]) == 3_600_000


async def test_facts_of_all_contracts_come_at_once(start_okx):
  sim = await start_okx()
  rates = await rows(sim, "/api/v5/public/funding-rate?instId=ANY")
  interests = await rows(sim, "/api/v5/public/open-interest?instType=SWAP")
  assert {row["instId"] for row in rates} == {row["instId"] for row in interests}
  assert len(rates) == 5


async def test_a_history_has_a_limit_for_each_instrument(start_okx):
  sim = await start_okx()
  path = "/api/v5/public/funding-rate-history?instId="
  statuses = [(await sim.get(f"{path}BTC-USDT-SWAP")).status_code for _ in range(11)]
  assert statuses == [200] * 10 + [429]
  assert (await sim.get(f"{path}ETH-USDT-SWAP")).status_code == 200
