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
  assert {row["instId"][:8] for row in dated} == {"BTC-USD-", "BTC-USDT"}
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
