"""Each fault on a real socket. What a client did not get has to be what the simulator says it
withheld, to the id."""

import httpx
import pytest
import trio
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidMessage

TRADES = "/spot/stream?streams=btcusdt@trade"
BOTH = TRADES + "/btcusdt@depth@100ms"
FIRST, COUNT = 1000, 600
ALL = set(range(FIRST, FIRST + COUNT))


def ids_in(report, stream):
  ranges = report.get(stream, {"ids": []})["ids"]
  return {number for first, last in ranges for number in range(first, last + 1)}


async def play(start, recording, *faults, speed=2.0):
  return await start(capture=[recording], speed=speed, faults=faults)


async def test_without_faults_everything_arrives_once_and_in_order(start, recording):
  sim = await play(start, recording, speed=0)
  async with sim.connect(TRADES) as ws:
    messages = await sim.read(ws)
  assert sim.trade_ids(messages) == sorted(ALL)


@pytest.mark.parametrize("kind", ["drop", "rst"])
async def test_a_cut_connection_loses_exactly_what_was_played_until_the_next(
  start, recording, kind
):
  sim = await play(start, recording, f"{kind}@200f")
  async with sim.connect(TRADES) as ws:
    before = await sim.read(ws)
    with pytest.raises(ConnectionClosedError) as closed:
      await ws.recv()
  assert closed.value.rcvd is None  # no Close frame
  assert sim.trade_ids(before) == list(range(FIRST, FIRST + 200))
  await trio.sleep(0.05)
  async with sim.connect(TRADES) as ws:
    after = await sim.read(ws)
  got = set(sim.trade_ids(before)) | set(sim.trade_ids(after))
  (fault,) = await sim.faults()
  lost = ids_in(fault["withheld"], "spot btcusdt@trade")
  assert lost == ALL - got
  assert len(lost) > 20
  assert (fault["state"], fault["connections"], fault["frames"]) == ("done", 1, len(lost))
  assert ids_in((await sim.stats())["missed"], "spot btcusdt@trade") == lost


async def test_a_connection_that_is_to_have_a_stream_is_cut_for_it_and_others_are_not(
  start, recording
):
  sim = await play(start, recording, "cut/depth", speed=1.0)
  async with sim.connect(TRADES) as ws:
    for _ in range(2):
      async with sim.connect(BOTH) as other:
        with pytest.raises(ConnectionClosedError):
          await sim.read(other)
          await other.recv()
    await ws.send('{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1}')
    with pytest.raises(ConnectionClosedError):
      while True:
        await ws.recv()
  (fault,) = await sim.faults()
  assert (fault["state"], fault["connections"]) == ("active", 3)


async def test_at_speed_0_a_recording_waits_for_a_reader(start, recording):
  sim = await play(start, recording, "drop@200f", speed=0)
  got = []
  for _ in range(2):
    async with sim.connect(TRADES) as ws:
      got += sim.trade_ids(await sim.read(ws, until=lambda m: len(m) == COUNT))
  # Only the frame on which the connection was cut had no reader.
  assert ids_in((await sim.stats())["missed"], "spot btcusdt@trade") == {1200}
  assert got == sorted(ALL - {1200})


async def test_a_silent_connection_answers_pings_and_goes_on_after(start, recording):
  sim = await play(start, recording, "silence:200ms@100f", speed=1.0)
  async with sim.connect(TRADES) as ws:
    first = await sim.read(ws, until=lambda m: len(m) == 100)
    with trio.move_on_after(0.1) as quiet:
      first += [await ws.recv()]
    assert quiet.cancelled_caught
    with trio.fail_after(1):
      await (await ws.ping()).wait()
    messages = first + await sim.read(ws)
  (fault,) = await sim.faults()
  lost = ids_in(fault["withheld"], "spot btcusdt@trade")
  assert lost == ALL - set(sim.trade_ids(messages))
  assert min(lost) == FIRST + 100
  assert 100 < len(lost) < 350


async def test_a_half_open_connection_answers_nothing_while_another_is_served(start, recording):
  sim = await play(start, recording, "half-open@100f")
  async with sim.connect(TRADES) as ws:
    assert len(await sim.read(ws)) == 100
    with trio.move_on_after(0.2) as quiet:
      await (await ws.ping()).wait()
    assert quiet.cancelled_caught
    async with sim.connect("/spot/ws") as other:
      with trio.fail_after(1):
        await (await other.ping()).wait()
  (fault,) = await sim.faults()
  assert fault["connections"] == 1
  assert ids_in(fault["withheld"], "spot btcusdt@trade") >= set(range(FIRST + 100, FIRST + 300))


async def test_a_gap_withholds_frames_of_one_stream_only(start, recording):
  sim = await play(start, recording, "gap:5/depth@10f", "gap:3/trade@50f", speed=0)
  async with sim.connect(BOTH) as ws:
    messages = await sim.read(ws)
  depth, trades = await sim.faults()
  got = sim.trade_ids(messages)
  assert ids_in(trades["withheld"], "spot btcusdt@trade") == ALL - set(got)
  assert list(trades["withheld"]) == ["spot btcusdt@trade"]
  assert trades["withheld"]["spot btcusdt@trade"]["ids"] == [[1050, 1052]]
  assert got == sorted(got)
  # The first update has ids 5000 and 5001, the eleventh to fifteenth 5020 to 5029.
  assert depth["withheld"] == {"spot btcusdt@depth@100ms": {"frames": 5, "ids": [[5020, 5029]]}}


async def test_duplicates_come_twice_in_a_row(start, recording):
  sim = await play(start, recording, "duplicate:2@10f", speed=0)
  async with sim.connect(TRADES) as ws:
    got = sim.trade_ids(await sim.read(ws))
  assert got == sorted([*ALL, 1010, 1011])
  assert (await sim.faults())[0]["frames"] == 2


async def test_disorder_swaps_neighbours_of_a_stream(start, recording):
  sim = await play(start, recording, "disorder:2/trade@20f", speed=0)
  async with sim.connect(BOTH) as ws:
    messages = await sim.read(ws)
  got = sim.trade_ids(messages)
  assert got[:26] == [*range(1000, 1020), 1021, 1020, 1023, 1022, 1024, 1025]
  assert sorted(got) == sorted(ALL)


async def test_corrupt_frames_are_no_json(start, recording):
  sim = await play(start, recording, "corrupt@10f", speed=0)
  async with sim.connect(TRADES) as ws:
    messages = await sim.read(ws)
  assert messages[10][1] is None
  assert set(sim.trade_ids(messages)) == ALL - {1010}
  assert (await sim.faults())[0]["withheld"]["spot btcusdt@trade"]["ids"] == [[1010, 1010]]


async def test_a_flipped_byte_is_no_utf_8(start, recording):
  sim = await play(start, recording, "corrupt:2@10f", speed=0)
  async with sim.connect(TRADES) as ws:
    with pytest.raises(ConnectionClosed) as closed:
      [await ws.recv() for _ in range(20)]
  assert closed.value.sent.code == 1007


async def test_close_24h_announces_itself_on_spot_and_closes_by_the_book(start, recording):
  sim = await play(start, recording, "close-24h:100ms@100f")
  async with sim.connect(TRADES) as ws:
    messages = await sim.read(ws)
    with pytest.raises(ConnectionClosed) as closed:
      await ws.recv()
  notice = messages[100][1]
  assert notice["stream"] == "!serverShutdown"
  assert notice["data"]["e"] == "serverShutdown"
  assert closed.value.rcvd.code == 1001
  assert len(sim.trade_ids(messages)) > 150  # data goes on after the notice


async def test_close_24h_comes_without_notice_on_futures(start):
  sim = await start()
  async with sim.connect("/usdm/public/stream?streams=btcusdt@bookTicker") as ws:
    await sim.fault("close-24h:50ms")
    messages = await sim.read(ws)
    with pytest.raises(ConnectionClosed) as closed:
      await ws.recv()
  assert {m["stream"] for _, m in messages} == {"btcusdt@bookTicker"}
  assert closed.value.rcvd.code == 1001


@pytest.mark.parametrize(
  ("fault", "status", "code"), [("429:2s", 429, -1003), ("418:1m", 418, -1003), ("5xx", 503, -1016)]
)
async def test_rest_is_refused_for_a_while(start, fault, status, code):
  sim = await start(faults=[fault])
  answer = await sim.get("/api/v3/ping")
  assert (answer.status_code, answer.json()["code"]) == (status, code)
  if status != 503:
    assert int(answer.headers["Retry-After"]) == {"429:2s": 2, "418:1m": 60}[fault]
  assert (await sim.faults())[0]["requests"] == 1
  await sim.end_faults()
  assert (await sim.get("/api/v3/ping")).status_code == 200


async def test_a_time_given_at_the_start_counts_from_the_first_request(start):
  sim = await start(faults=["429:200ms@150ms"])
  await trio.sleep(0.5)
  seen = []
  for _ in range(10):
    seen.append((await sim.get("/api/v3/ping")).status_code)
    await trio.sleep(0.06)
  assert seen[0] == 200
  assert 429 in seen
  assert seen[-1] == 200


async def test_new_connections_are_reset_but_not_the_control_endpoint(start):
  sim = await start()
  await sim.fault("refuse:10s")
  with pytest.raises(httpx.ReadError):
    await sim.get("/api/v3/ping")
  with pytest.raises((InvalidMessage, trio.BrokenResourceError)):
    async with sim.connect("/spot/ws"):
      pass
  stats = await sim.stats()
  assert (stats["opened"], stats["refused"]) == (0, 1)
  await sim.end_faults()
  assert (await sim.get("/api/v3/ping")).status_code == 200


async def test_slow_delays_answers_and_frames_and_loses_nothing(start, recording):
  sim = await play(start, recording, "slow:150ms", speed=0)
  began = trio.current_time()
  assert (await sim.get("/api/v3/ping")).status_code == 200
  assert trio.current_time() - began >= 0.15
  async with sim.connect(TRADES) as ws:
    assert sim.trade_ids(await sim.read(ws)) == sorted(ALL)


async def test_a_fault_may_concern_the_connections_of_one_stream(start):
  sim = await start()
  async with (
    sim.connect("/spot/stream?streams=btcusdt@bookTicker") as cut,
    sim.connect("/spot/stream?streams=ethusdt@bookTicker") as spared,
  ):
    await sim.fault("drop/btcusdt")
    assert await sim.read(cut) is not None
    with pytest.raises(ConnectionClosed):
      await cut.recv()
    assert await sim.read(spared, until=lambda m: len(m) > 3)
    await spared.recv()


@pytest.mark.parametrize(
  ("fault", "status"), [("401", 401), ("403", 403), ("451", 451), ("html", 200)]
)
async def test_a_page_answers_instead_of_the_venue(start, fault, status):
  sim = await start(faults=[f"{fault}:1m"])
  answer = await sim.get("/api/v3/ping")
  assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html")
  assert answer.text.startswith("<!DOCTYPE html>")


async def test_what_a_venue_lists_is_halted_or_left_out_and_listed_again(start):
  sim = await start()

  async def listed():
    rows = (await sim.get("/api/v3/exchangeInfo")).json()["symbols"]
    return {row["symbol"]: row["status"] for row in rows}

  before = await listed()
  assert before["BTCUSDT"] == "TRADING"
  await sim.fault("break:1m")
  assert await listed() == dict.fromkeys(before, "BREAK")
  await sim.end_faults()
  await sim.fault("delist:1m/BTCUSDT")
  assert await listed() == {name: status for name, status in before.items() if name != "BTCUSDT"}
  await sim.end_faults()
  assert await listed() == before
