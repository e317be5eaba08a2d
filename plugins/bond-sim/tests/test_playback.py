"""Real recordings through a real socket: every frame once, in order, to the byte."""

import gzip
import json

import pytest
import trio

SPOT_2024 = "binance-2024/spot_btcusdt_20240808.gz"
USDM_2024 = "binance-2024/usdm_btcusdt_20240808.gz"


def recorded(path, limit=None):
  """Frames of a recording as (stream, data text), read in the plainest way."""
  found = []
  with gzip.open(path, "rt") as lines:
    for line in lines:
      start = line.find('{"stream":"')
      if start < 0:
        continue
      name, data = line[start + 11 :].rstrip("\n").split('","data":', 1)
      found.append((name, data[:-1]))
      if limit is not None and len(found) == limit:
        break
  return found


def split(text):
  name, data = text[11:].split('","data":', 1)
  return name, data[:-1]


async def receive(sim, path, count, quiet=2.0):
  found = []
  async with sim.connect(path) as ws:
    while len(found) < count:
      with trio.move_on_after(quiet) as scope:
        found.append(split(await ws.recv()))
      if scope.cancelled_caught:
        break
  return found


async def test_the_spot_day_arrives_whole(start, shared):
  (path,) = shared(SPOT_2024)
  frames = recorded(path)
  assert len(frames) == 28_040 + 9_757 + 3_451
  sim = await start(capture=[path], speed=0)
  streams = "btcusdt@trade/btcusdt@bookTicker/btcusdt@depth@100ms"
  assert await receive(sim, f"/spot/stream?streams={streams}", len(frames)) == frames
  await sim.finished()
  stats = await sim.stats()
  assert (stats["missed"], stats["unheard"]) == ({}, {})
  async with sim.connect("/spot/ws") as ws:  # the venue goes on answering
    with trio.fail_after(1):
      await (await ws.ping()).wait()


async def test_recorded_depth_is_served_under_the_name_of_the_subscription(start, shared):
  (path,) = shared(USDM_2024)
  renamed = {"btcusdt@trade": "btcusdt@trade", "btcusdt@depth@0ms": "btcusdt@depth@100ms"}
  frames = [(renamed[name], data) for name, data in recorded(path, 3000) if name in renamed]
  sim = await start(capture=[path], speed=0)
  streams = "btcusdt@trade/btcusdt@depth@100ms"
  assert await receive(sim, f"/usdm/public/stream?streams={streams}", len(frames)) == frames


@pytest.mark.parametrize(
  ("venue", "path"), [("BINANCE", "/spot/stream"), ("BINANCE_FUTURES", "/usdm/market/stream")]
)
async def test_a_capture_of_2021_plays_with_its_listing_and_snapshots(start, shared, venue, path):
  socket, listing, snapshots = shared(
    *(f"captures/{venue}.{part}.gz" for part in ("ws.1.0", "0", "http.0.0"))
  )
  frames = recorded(socket)
  if venue == "BINANCE_FUTURES":
    frames = [f for f in frames if "@aggTrade" in f[0] or "@kline" in f[0]]
  sim = await start(capture=[socket, listing, snapshots], speed=0)
  rest = "/spot/api/v3" if venue == "BINANCE" else "/usdm/fapi/v1"
  listed = (await sim.get(f"{rest}/exchangeInfo")).json()["symbols"]
  assert len(listed) > 100
  symbol = "NKNUSDT" if venue == "BINANCE" else "SUSHIUSDT"
  with gzip.open(snapshots, "rt") as lines:
    body = next(lines).split(": ", 1)[1].rstrip("\n")
  assert symbol in {row["symbol"] for row in listed}
  assert (await sim.get(f"{rest}/depth?symbol={symbol}&limit=1000")).text == body
  few = (await sim.get(f"{rest}/depth?symbol={symbol}&limit=5")).json()
  assert few["bids"] == json.loads(body)["bids"][:5]
  names = "/".join(dict.fromkeys(name for name, _ in frames))
  assert await receive(sim, f"{path}?streams={names}", len(frames)) == frames


async def test_depth_over_rest_follows_what_was_played(start, shared):
  (path,) = shared(USDM_2024)
  frames = [f for f in recorded(path) if f[0] == "btcusdt@depth@0ms"]
  with gzip.open(path, "rt") as lines:
    body = next(line for line in lines if '{"lastUpdateId"' in line).split(" ", 1)[1]
  snapshot = json.loads(body)
  bids = {float(p): q for p, q in snapshot["bids"]}
  asks = {float(p): q for p, q in snapshot["asks"]}
  last = None
  for _, data in frames:
    update = json.loads(data)
    if update["u"] <= snapshot["lastUpdateId"]:
      continue
    for side, levels in ((bids, update["b"]), (asks, update["a"])):
      for price, size in levels:
        if float(size) == 0:
          side.pop(float(price), None)
        else:
          side[float(price)] = size
    last = update
  sim = await start(capture=[path], speed=0)
  before = await sim.get("/fapi/v1/depth?symbol=BTCUSDT&limit=1000")
  assert before.json() == snapshot
  await receive(sim, "/usdm/public/stream?streams=btcusdt@depth", len(frames))
  await sim.finished()
  now = (await sim.get("/fapi/v1/depth?symbol=BTCUSDT&limit=1000")).json()
  assert (now["lastUpdateId"], now["E"], now["T"]) == (last["u"], last["E"], last["T"])
  assert [(float(p), q) for p, q in now["bids"]] == sorted(bids.items(), reverse=True)[:1000]
  assert [(float(p), q) for p, q in now["asks"]] == sorted(asks.items())[:1000]


async def test_speed_divides_the_recorded_spacing(start, recording):
  sim = await start(capture=[recording], speed=0.5)  # 599 ms of recording
  async with sim.connect("/spot/stream?streams=btcusdt@trade") as ws:
    await ws.recv()
    began = trio.current_time()
    for _ in range(599):
      await ws.recv()
  assert 1.1 < trio.current_time() - began < 1.6


async def test_playback_waits_for_the_first_subscription_and_the_rest_of_the_burst(
  start, recording
):
  sim = await start(capture=[recording], speed=10, settle=0.5)
  async with sim.connect("/spot/ws") as ws:
    await ws.send('{"method":"SUBSCRIBE","params":["ethusdt@trade"],"id":1}')
    await trio.sleep(0.6)
    assert (await sim.stats())["playback"]["state"] == "waiting"
    for number, name in enumerate(("btcusdt@trade", "btcusdt@depth")):
      await ws.send(f'{{"method":"SUBSCRIBE","params":["{name}"],"id":{number}}}')
      await trio.sleep(0.25)
    messages = [m for _, m in await sim.read(ws) if "e" in m]
  assert sum(m["e"] == "trade" for m in messages) == 600
  assert sum(m["e"] == "depthUpdate" for m in messages) == 200


async def test_a_listing_is_made_up_where_none_was_recorded(start, recording):
  sim = await start(capture=[recording])
  (row,) = (await sim.get("/api/v3/exchangeInfo")).json()["symbols"]
  assert (row["symbol"], row["baseAsset"], row["quoteAsset"]) == ("BTCUSDT", "BTC", "USDT")
  assert row["filters"][0]["tickSize"] == "1.00000000"  # the book has whole prices only
  assert (await sim.get("/fapi/v1/exchangeInfo")).json()["symbols"] == []
  missing = await sim.get("/api/v3/klines?symbol=BTCUSDT&interval=1m")
  assert missing.status_code == 501
  assert missing.json()["msg"] == "The recording holds no klines."


async def test_recordings_of_the_same_hour_keep_their_distance_and_others_begin_at_once(
  start, tmp_path
):
  def write(name, start_ns, symbol):
    path = tmp_path / name
    path.write_text(
      "".join(
        f'{start_ns + i * 10**8} {{"stream":"{symbol}@trade","data":{{"e":"trade","t":{i}}}}}\n'
        for i in range(5)
      )
    )
    return str(path)

  hour = 1_700_000_000_000_000_000
  paths = [
    write("a", hour, "aaausdt"),
    write("b", hour + 250_000_000, "bbbusdt"),
    write("c", hour + 10**18, "cccusdt"),
  ]
  sim = await start(capture=paths, speed=2)
  seen = []
  async with sim.connect("/stream?streams=aaausdt@trade/bbbusdt@trade/cccusdt@trade") as ws:
    while len(seen) < 15:
      seen.append(split(await ws.recv())[0][:3])
  assert sorted(seen[:2]) == ["aaa", "ccc"]
  assert seen[:6].count("bbb") == 0
  assert seen.count("bbb") == 5


COIN_M = [
  ("btcusd_perp@aggTrade", '{"e":"aggTrade","a":1,"s":"BTCUSD_PERP","p":"1","q":"2"}'),
  ("btcusd_261225@trade", '{"e":"trade","t":7,"s":"BTCUSD_261225","p":"1","q":"2","X":"MARKET"}'),
]


@pytest.mark.parametrize("opened", [True, False], ids=["with its host", "without its host"])
async def test_a_recording_of_coin_m_plays_where_its_host_is(start, tmp_path, opened):
  lines = [
    f'{1_650_000_000 + n}.5: {{"stream":"{s}","data":{d}}}' for n, (s, d) in enumerate(COIN_M)
  ]
  host = "wss://dstream.binance.com/stream?streams=x <-> 1650000000.1"
  path = tmp_path / "coinm.0"
  path.write_text("\n".join([host, *lines] if opened else lines) + "\n")
  sim = await start(capture=[str(path)], speed=0)
  listed = (await sim.get("/dapi/v1/exchangeInfo")).json()["symbols"]
  assert [(row["symbol"], row["contractSize"], row["contractStatus"]) for row in listed] == [
    ("BTCUSD_PERP", 100, "TRADING"),
    ("BTCUSD_261225", 100, "TRADING"),
  ]
  assert (await sim.get("/fapi/v1/exchangeInfo")).json()["symbols"] == []
  streams = "/".join(name for name, _ in COIN_M)
  assert await receive(sim, f"/dstream.binance.com/stream?streams={streams}", 2) == COIN_M
