"""What the simulators send has the shape of what the venues have sent: fields, types, sizes
of numbers, numbering. Recordings say so where there is one; where a venue has changed since, the
lists of fields here are those of its documents. The same checks hold for the recordings."""

import gzip
import json
import os
import re
from pathlib import Path

import pytest
import trio

SHARED = Path(os.environ.get("BOND_SHARED", Path(__file__).parents[4] / "shared")) / "data"

SPOT, USDM = "binance-2024/spot_btcusdt_20240808.gz", "binance-2024/usdm_btcusdt_20240808.gz"
SPOT_2021, USDM_2021 = "captures/BINANCE.ws.1.0.gz", "captures/BINANCE_FUTURES.ws.1.0.gz"
OKX_2022 = "captures/OKX.ws.1.0.gz"

DECIMAL = re.compile(r"-?\d+(\.\d+)?")
WHOLE = re.compile(r"\d{13}")


def kind_of(value):
  """The type of a value, and what a number or a text is the size of."""
  if isinstance(value, bool):
    return "bool"
  if isinstance(value, int):
    return "time" if 10**12 < value < 4 * 10**12 else "number"
  if isinstance(value, str) and WHOLE.fullmatch(value):
    return "time text"
  if isinstance(value, str) and DECIMAL.fullmatch(value):
    return "decimal text"
  return type(value).__name__


def shape_of(value, path="", found=None):
  """The kinds of all values in a message, by their path."""
  found = {} if found is None else found
  if isinstance(value, dict):
    for key, inner in value.items():
      shape_of(inner, f"{path}.{key}", found)
  elif isinstance(value, list):
    found.setdefault(f"{path}[]", set()).add("list")
    for inner in value:
      shape_of(inner, f"{path}[]", found)
  else:
    found.setdefault(path, set()).add(kind_of(value))
  return found


def shapes(messages):
  found = {}
  for message in messages:
    shape_of(message, "", found)
  return found


def differences(simulated, real, *, newer=()):
  """What a simulator's messages have and the venue's do not, or in another form; `newer` are the
  fields that the venue has only had since."""
  ours, theirs = shapes(simulated), shapes(real)
  found = dict.fromkeys(ours.keys() - theirs.keys() - {*newer}, "only the simulator has it")
  found |= dict.fromkeys(theirs.keys() - ours.keys(), "only the venue has it")
  for path in ours.keys() & theirs.keys():
    # A number may be whole by chance, and an id may be as long as a time.
    if (
      wrong := ours[path]
      - theirs[path]
      - ({"decimal text"} if "time text" in ours[path] else set())
    ):
      found[path] = f"{wrong} and not {theirs[path]}"
  return found


def recorded(path, name, most=400):
  """The messages of a stream or channel in a recording."""
  file = SHARED / path
  if not file.exists():
    pytest.skip(f"the recorded frames {path} are not on this machine")
  found = []
  with gzip.open(file, "rt") as lines:
    for line in lines:
      if name in line[:120] and (start := line.find('{"')) >= 0:
        found.append(json.loads(line[start:]))
        if len(found) == most:
          break
  return found


# Numbering ---------------------------------------------------------------------------------------


def numbered(kind, messages):
  """The messages of one instrument are numbered as the venue numbers them."""
  data = [message["data"] for message in messages]
  for one, other in zip(data, data[1:], strict=False):
    match kind:
      case "spot depth":
        assert other["U"] == one["u"] + 1 <= other["u"]
      case "usdm depth":
        assert other["pu"] == one["u"]
        assert other["pu"] < other["U"] <= other["u"]
      case "trade":
        assert other["t"] == one["t"] + 1
      case "aggTrade":
        assert (other["a"], other["f"]) == (one["a"] + 1, one["l"] + 1)
      case "bookTicker":
        assert other["u"] > one["u"]
      case "kline":
        assert other["k"]["t"] - one["k"]["t"] in (0, 60_000)
    if "E" in one:
      assert one["E"] <= other["E"] + 1


BINANCE = [
  ("spot", "depth@100ms", "spot depth", SPOT, "depth@100ms", ()),
  ("spot", "bookTicker", "bookTicker", SPOT, "bookTicker", ()),
  ("spot", "trade", "trade", SPOT, "@trade", ()),
  ("spot", "aggTrade", "aggTrade", SPOT_2021, "@aggTrade", ()),
  ("spot", "kline_1m", "kline", SPOT_2021, "@kline_1m", ()),
  ("usdm/public", "depth@0ms", "usdm depth", USDM, "depth@0ms", (".data.st",)),
  ("usdm/public", "bookTicker", "bookTicker", USDM, "bookTicker", (".data.st",)),
  ("usdm/public", "trade", "trade", USDM, "@trade", (".data.st",)),
  ("usdm/market", "aggTrade", "aggTrade", USDM_2021, "@aggTrade", (".data.nq", ".data.st")),
  ("usdm/market", "kline_1m", "kline", USDM_2021, "@kline_1m", (".data.st",)),
]


@pytest.mark.parametrize(("path", "stream", "kind", "file", "name", "newer"), BINANCE)
async def test_binance_has_the_shape_of_its_recordings(
  start, path, stream, kind, file, name, newer
):
  real = recorded(file, name)
  symbols = {message["stream"].partition("@")[0] for message in real}
  for symbol in symbols:
    of_one = [message for message in real if message["stream"].startswith(f"{symbol}@")]
    if kind != "trade" or path == "spot":
      numbered(kind, of_one)
  sim = await start(speed=20)
  async with sim.connect(f"/{path}/stream?streams=btcusdt@{stream}") as ws:
    with trio.fail_after(60):
      simulated = [json.loads(await ws.recv()) for _ in range(12 if "kline" not in stream else 2)]
  numbered(kind, simulated)
  assert differences(simulated, real, newer=newer) == {}


# Since then: "WS / Trades channel" and "WS / Order book channel".
OKX = [
  ("tickers", ()),
  ("trades", (".data[].count", ".data[].seqId", ".data[].source")),
  ("books", (".data[].instId", ".data[].seqId", ".data[].prevSeqId")),
]


@pytest.mark.parametrize(("channel", "newer"), OKX)
@pytest.mark.parametrize("symbol", ["BTC-USDT", "BTC-USD-SWAP", "BTC-USD_UM-SWAP"])
async def test_okx_has_the_shape_of_its_recordings(start_okx, channel, newer, symbol):
  real = [m for m in recorded(OKX_2022, f'"channel":"{channel}"') if "data" in m]
  sim = await start_okx(speed=20)
  async with sim.connect("/ws/v5/public") as ws:
    arg = {"channel": channel, "instId": symbol}
    await ws.send(json.dumps({"op": "subscribe", "args": [arg]}))
    with trio.fail_after(60):
      answer = json.loads(await ws.recv())
      simulated = [json.loads(await ws.recv()) for _ in range(8)]
  assert (answer["event"], answer["arg"], type(answer["connId"])) == ("subscribe", arg, str)
  assert differences(simulated, real, newer=newer) == {}
  if channel == "books":
    assert [message["action"] for message in simulated] == ["snapshot"] + ["update"] * 7
    numbers = [(m["data"][0]["prevSeqId"], m["data"][0]["seqId"]) for m in simulated]
    assert numbers[0][0] == -1
    assert all(one[1] == other[0] for one, other in zip(numbers, numbers[1:], strict=False))
  if channel == "trades":
    last = [int(m["data"][0]["tradeId"]) for m in simulated]
    counts = [int(m["data"][0]["count"]) for m in simulated]
    assert last[1:] == [one + count for one, count in zip(last, counts[1:], strict=False)]


# "Get instruments" of today, field for field, with what is empty on which family.
OKX_FIELDS = """
alias auctionEndTime baseCcy category contTdSwTime ctMult ctType ctVal ctValCcy expTime
floatPxLmtPct freq futureSettlement groupId initPxLmtPct instCategory instFamily instId
instIdCode instType lever listTime longPosRemainingQuota lotSz maxIcebergSz maxLmtAmt
maxLmtSz maxMktAmt maxMktSz maxPlatOICoinLmt maxPlatOILmt maxPxLmtPct maxStopSz
maxTriggerSz maxTwapSz method minSz openType optType posLmtAmt posLmtPct preMktSwTime
quoteCcy rpiMinLevel rpiMinPxBand ruleType seriesId settleCcy shortPosRemainingQuota state
stk tickSz tradeQuoteCcyList uly upcChg
""".split()

OKX_CONTRACTS = {
  # ctType, ctValCcy, settleCcy, instFamily, uly, ruleType
  "BTC-USDT-SWAP": ("linear", "BTC", "USDT", "BTC-USDT", "BTC-USDT", "normal"),
  "BTC-USD-SWAP": ("inverse", "USD", "BTC", "BTC-USD", "BTC-USD", "normal"),
  "BTC-USD_UM-SWAP": ("linear", "BTC", "USD", "BTC-USD_UM", "BTC-USD", "normal"),
  "BTC-USD-261030": ("inverse", "USD", "BTC", "BTC-USD", "BTC-USD", "normal"),
  "BTC-USD_UM-261030": ("linear", "BTC", "USD", "BTC-USD_UM", "BTC-USD", "normal"),
  "BTC-USD_UM_XPERP-310404": ("linear", "BTC", "USD", "BTC-USD_UM", "BTC-USD", "xperp"),
}


async def test_okx_lists_instruments_as_the_venue_does_today(start_okx):
  sim = await start_okx(start=1_790_000_000_000)
  listed = {}
  for family in ("SPOT", "SWAP", "FUTURES"):
    answer = (await sim.get(f"/api/v5/public/instruments?instType={family}")).json()
    for row in answer["data"]:
      assert sorted(row) == sorted(OKX_FIELDS)
      assert row["instType"] == family
      listed[row["instId"]] = row
  quarter = next(name for name in listed if re.fullmatch(r"BTC-USD-\d{6}", name))[-6:]
  # No contract is dated and in USDT.
  assert not any(re.fullmatch(r"\w+-USDT-\d{6}", name) for name in listed)
  for name, wanted in OKX_CONTRACTS.items():
    row = listed[name.replace("261030", quarter)]
    fields = ("ctType", "ctValCcy", "settleCcy", "instFamily", "uly", "ruleType")
    assert tuple(row[field] for field in fields) == wanted
    assert (row["expTime"] == "") is name.endswith("SWAP")
    assert (row["baseCcy"], row["quoteCcy"], row["tradeQuoteCcyList"]) == ("", "", [])
  spot = listed["BTC-USDT"]
  assert (spot["baseCcy"], spot["quoteCcy"], spot["instFamily"]) == ("BTC", "USDT", "")
  assert (spot["ctVal"], spot["settleCcy"], spot["expTime"]) == ("", "", "")
  assert len({row["instIdCode"] for row in listed.values()}) == len(listed)


# "WS / Funding rate channel" and "WS / Mark price channel" of today.
OKX_FACTS = {
  "funding-rate": """
    formulaType fundingRate fundingTime impactValue instId instType interestRate
    maxFundingRate method minFundingRate nextFundingRate nextFundingTime premium
    prevFundingTime settFundingRate settState ts
  """,
  "mark-price": "instId instType markPx ts",
}


@pytest.mark.parametrize("channel", OKX_FACTS)
@pytest.mark.parametrize("symbol", ["BTC-USDT-SWAP", "BTC-USD_UM_XPERP-310404"])
async def test_okx_tells_the_facts_of_a_perpetual_in_the_fields_of_today(
  start_okx, channel, symbol
):
  sim = await start_okx()
  async with sim.connect("/ws/v5/public") as ws:
    arg = {"channel": channel, "instId": symbol}
    await ws.send(json.dumps({"op": "subscribe", "args": [arg]}))
    with trio.fail_after(60):
      await ws.recv()
      message = json.loads(await ws.recv())
  assert (message["arg"], sorted(message)) == (arg, ["arg", "data"])
  [data] = message["data"]
  assert sorted(data) == sorted(OKX_FACTS[channel].split())
  times = [
    data[name] for name in ("fundingTime", "nextFundingTime", "prevFundingTime") if name in data
  ]
  assert all(WHOLE.fullmatch(text) for text in (data["ts"], *times))


# "Trade", "Orderbook" of the documentation of v5. Spot has no L on some trades.
BYBIT = {
  "publicTrade": (
    {"topic", "type", "ts", "data"},
    {"T", "s", "S", "v", "p", "L", "i", "BT", "RPI", "seq"},
  ),
  "orderbook.50": ({"topic", "type", "ts", "data", "cts"}, {"s", "b", "a", "u", "seq"}),
  "orderbook.1": ({"topic", "type", "ts", "data", "cts"}, {"s", "b", "a", "u", "seq"}),
}


@pytest.mark.parametrize("topic", BYBIT)
@pytest.mark.parametrize(("category", "symbol"), [("spot", "BTCUSDT"), ("inverse", "BTCUSD")])
async def test_bybit_has_the_fields_of_its_documents(start_bybit, topic, category, symbol):
  sim = await start_bybit(speed=20)
  async with sim.connect(f"/v5/public/{category}") as ws:
    await ws.send(json.dumps({"op": "subscribe", "args": [f"{topic}.{symbol}"]}))
    with trio.fail_after(60):
      await ws.recv()
      found = [json.loads(await ws.recv()) for _ in range(6)]
  outer, inner = BYBIT[topic]
  for message in found:
    assert set(message) == outer
    for data in message["data"] if topic == "publicTrade" else [message["data"]]:
      assert inner - {"L", "RPI"} <= set(data) <= inner
  if topic == "orderbook.50":
    assert [message["type"] for message in found] == ["snapshot"] + ["delta"] * 5
    numbers = [message["data"]["u"] for message in found]
    assert numbers == [*range(numbers[0], numbers[0] + 6)]
