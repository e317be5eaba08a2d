import itertools
import json

import pytest
from bond_sim.binance.limits import CONNECT_SECONDS, CONNECTS, WeightMeter, policy, weight
from bond_simkit import RateMeter


@pytest.mark.parametrize(
  ("market", "endpoint", "limit", "symbols", "expected"),
  [
    ("spot", "depth", 100, 1, 5),
    ("spot", "depth", 101, 1, 25),
    ("spot", "depth", 1000, 1, 50),
    ("spot", "depth", 5000, 1, 250),
    ("usdm", "depth", 50, 1, 2),
    ("usdm", "depth", 1000, 1, 20),
    ("usdm", "klines", 1500, 1, 10),
    ("usdm", "klines", 99, 1, 1),
    ("spot", "exchangeInfo", 0, 0, 20),
    ("usdm", "exchangeInfo", 0, 0, 1),
    ("spot", "ticker/24hr", 0, 0, 80),
    ("spot", "ticker/24hr", 0, 1, 2),
    ("usdm", "ticker/24hr", 0, 0, 40),
    ("usdm", "premiumIndex", 0, 1, 1),
    ("coinm", "premiumIndex", 0, 1, 10),
    ("coinm", "aggTrades", 500, 1, 20),
    ("spot", "ping", 0, 0, 1),
  ],
)
def test_weights_are_the_published_ones(market, endpoint, limit, symbols, expected):
  assert weight(market, endpoint, limit, symbols) == expected


def test_weight_is_counted_by_the_minute_then_429_then_418():
  meter = WeightMeter(100)
  at = 60_000 * 1000
  assert [meter.charge(50, at) for _ in range(3)] == [200, 200, 429]
  assert meter.retry_after(at + 15_000) == 45
  assert meter.charge(50, at + 60_000) == 200
  answers = [meter.charge(100, at + 61_000) for _ in range(12)]
  assert answers == [429] * 10 + [418] * 2
  assert meter.charge(1, at + 61_000 + 119_000) == 418
  assert meter.charge(1, at + 61_000 + 121_000) == 200


def test_connects_are_counted_over_five_minutes():
  meter = RateMeter(CONNECTS, CONNECT_SECONDS)
  assert all(meter.admit("a", now=float(second)) for second in range(300))
  assert not meter.admit("a", now=299.5)
  assert meter.admit("a", now=301.0)


async def test_the_spot_listing_is_filtered_and_unknown_symbols_are_refused(start):
  sim = await start()
  full = (await sim.get("/api/v3/exchangeInfo")).json()
  assert {"BTCUSDT", "BTCUSDC", "ETHBTC"} < {row["symbol"] for row in full["symbols"]}
  listed = (await sim.get("/api/v3/exchangeInfo?symbol=ETHBTC")).json()["symbols"]
  assert [(row["baseAsset"], row["quoteAsset"], row["status"]) for row in listed] == [
    ("ETH", "BTC", "TRADING")
  ]
  sizes = {f["filterType"]: f for f in listed[0]["filters"]}
  assert sizes["PRICE_FILTER"]["tickSize"] == "0.00001000"
  assert sizes["LOT_SIZE"]["stepSize"] == "0.00010000"
  two = await sim.get('/api/v3/exchangeInfo?symbols=["BTCUSDT","BNBUSDT"]')
  assert {row["symbol"] for row in two.json()["symbols"]} == {"BTCUSDT", "BNBUSDT"}
  wrong = await sim.get("/api/v3/exchangeInfo?symbol=NOPE")
  assert (wrong.status_code, wrong.json()) == (400, {"code": -1121, "msg": "Invalid symbol."})


async def test_the_futures_listing_has_perpetuals_and_two_dated_contracts(start):
  sim = await start(start=1_795_400_000_000)
  rows = (await sim.get("/fapi/v1/exchangeInfo")).json()["symbols"]
  kinds = {row["symbol"]: row["contractType"] for row in rows}
  assert kinds["BTCUSDT"] == "PERPETUAL"
  assert kinds["BTCUSDT_261225"] == "CURRENT_QUARTER"
  assert kinds["BTCUSDT_270326"] == "NEXT_QUARTER"
  dated = next(row for row in rows if row["symbol"] == "BTCUSDT_261225")
  assert (dated["pair"], dated["marginAsset"]) == ("BTCUSDT", "USDT")
  assert dated["deliveryDate"] == 1_798_185_600_000  # 2026-12-25 08:00 UTC
  rows = (await sim.get("/dapi.binance.com/dapi/v1/exchangeInfo")).json()["symbols"]
  inverse = {row["symbol"]: (row["contractSize"], row["marginAsset"]) for row in rows}
  assert inverse["BTCUSD_PERP"] == inverse["BTCUSD_261225"] == (100, "BTC")
  assert inverse["ETHUSD_PERP"] == (10, "ETH")
  assert all(row["contractStatus"] == "TRADING" and "status" not in row for row in rows)


async def test_market_data_is_answered_in_the_documented_form(start):
  sim = await start()
  depth = await sim.get("/spot/api/v3/depth?symbol=BTCUSDT&limit=5")
  assert list(depth.json()) == ["lastUpdateId", "bids", "asks"]
  assert len(depth.json()["bids"]) == len(depth.json()["asks"]) == 5
  assert depth.headers["X-MBX-USED-WEIGHT-1M"] == "5"
  futures = (await sim.get("/usdm/fapi/v1/depth?symbol=BTCUSDT&limit=1000")).json()
  assert {"lastUpdateId", "E", "T"} < set(futures)
  bars = (await sim.get("/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=24")).json()
  assert len(bars) == 24
  assert [len(bar) for bar in bars] == [12] * 24
  assert all(float(b[3]) <= min(float(b[1]), float(b[4])) for b in bars)
  assert all(a[6] + 1 == b[0] for a, b in itertools.pairwise(bars))
  day = (await sim.get("/api/v3/ticker/24hr?symbol=BTCUSDT")).json()
  assert day["lastId"] - day["firstId"] + 1 == day["count"]
  assert float(day["lowPrice"]) <= float(day["lastPrice"]) <= float(day["highPrice"])
  assert len((await sim.get("/fapi/v1/ticker/24hr")).json()) == 9
  funding = (await sim.get("/fapi/v1/premiumIndex?symbol=ETHUSDT")).json()
  assert abs(float(funding["markPrice"]) / float(funding["indexPrice"]) - 1) < 0.01
  assert funding["nextFundingTime"] % 28_800_000 == 0
  interest = (await sim.get("/fapi/v1/openInterest?symbol=ETHUSDT")).json()
  assert float(interest["openInterest"]) > 0


async def test_coin_m_counts_contracts_and_has_the_base_beside_them(start):
  sim = await start()

  async def get(path):
    return (await sim.get(f"/dapi/v1/{path}")).json()

  depth = await get("depth?symbol=BTCUSD_PERP&limit=5")
  assert list(depth) == ["lastUpdateId", "symbol", "pair", "E", "T", "bids", "asks"]
  assert all(size.isdigit() for _, size in depth["bids"] + depth["asks"])
  [day] = await get("ticker/24hr?symbol=BTCUSD_PERP")
  worth = 100 * int(day["volume"]) / float(day["weightedAvgPrice"])
  assert float(day["baseVolume"]) == pytest.approx(worth, rel=1e-6)
  assert (day["pair"], "quoteVolume" in day) == ("BTCUSD", False)
  for bar in await get("klines?symbol=ETHUSD_PERP&interval=1h&limit=3"):
    worth = 10 * int(bar[5]) / float(bar[7])
    assert float(bar[3]) <= worth <= float(bar[2])
  [funding] = await get("premiumIndex?symbol=BTCUSD_PERP")
  assert (funding["pair"], funding["nextFundingTime"] % 28_800_000) == ("BTCUSD", 0)
  interest = await get("openInterest?symbol=BTCUSD_PERP")
  assert (interest["contractType"], interest["openInterest"].isdigit()) == ("PERPETUAL", True)
  wrong = await sim.get("/dapi/v1/depth?symbol=BTCUSDT")
  assert (wrong.status_code, wrong.json()["code"]) == (400, -1121)


@pytest.mark.parametrize(
  ("path", "status", "code"),
  [
    ("/api/v3/depth", 400, -1102),
    ("/api/v3/depth?symbol=NOPE", 400, -1121),
    ("/api/v3/depth?symbol=BTCUSDT&limit=x", 400, -1100),
    ("/fapi/v1/depth?symbol=BTCUSDT&limit=7", 400, -4021),
    ("/api/v3/klines?symbol=BTCUSDT&interval=7m", 400, -1120),
    ("/api/v3/exchangeInfo?symbols=BTCUSDT", 400, -1100),
  ],
)
async def test_wrong_parameters_get_the_venues_errors(start, path, status, code):
  sim = await start()
  answer = await sim.get(path)
  assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_too_much_weight_is_429_with_retry_after(start):
  sim = await start(start=1_795_400_000_000)
  for _ in range(24):
    answer = await sim.get("/api/v3/depth?symbol=BTCUSDT&limit=5000")
    assert answer.status_code == 200
  assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "6000"
  over = await sim.get("/api/v3/ping")
  assert (over.status_code, over.json()["code"]) == (429, -1003)
  assert 0 < int(over.headers["Retry-After"]) <= 60
  assert (await sim.get("/fapi/v1/ping")).status_code == 200


async def test_what_the_simulator_does_not_have_is_404(start):
  sim = await start()
  answer = await sim.get("/sapi/v1/account")
  assert answer.status_code == 404
  assert "/sapi/v1/account" in json.loads(answer.text)["error"]


def test_connections_are_kept_alive_as_published():
  def limits(market):
    found = policy(market, lambda: b"")
    return found.messages_per_second, found.ping_every, found.pong_within

  assert limits("spot") == (5, 20.0, 60.0)
  assert limits("usdm") == (10, 180.0, 600.0)
