"""Recorded markets of Hyperliquid. The recording's coins are what is listed; perpetuals of
builder's dexes are counted in USDC there."""

from functools import partial
from typing import Any

import msgspec
from bond_simkit import Fanout

from bond_sim.hyperliquid.listing import TOKENS, perp_dexs
from bond_sim.hyperliquid.markets import HyperliquidSubscription
from bond_sim.market.channels import TopicChannel
from bond_sim.market.topic_capture import Captured, LastFrame, TopicCapture, TopicPlayback

_EXPECTED = '1790232236.5: {"channel":"trades","data":[{"coin":"BTC",…}]}'
_KEPT = ("l2Book ", "bbo ", "activeAssetCtx ")


class _Timed(msgspec.Struct):
  time: int = 0


class _Named(msgspec.Struct):
  coin: str = ""
  s: str = ""
  i: str = ""


class _Frame(msgspec.Struct):
  channel: str = ""
  data: msgspec.Raw = msgspec.Raw(b"null")


_read = msgspec.json.Decoder(_Frame).decode
_read_named = msgspec.json.Decoder(_Named).decode
_read_rows = msgspec.json.Decoder(list[_Named]).decode
_read_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_timed = msgspec.json.Decoder(_Timed).decode
_encode = msgspec.json.encode


def topic_of(frame: bytes, url: str = "") -> str | None:
  """The topic of a recorded message, None for answers and what is not public."""
  message = _read(frame)
  match message.channel:
    case "trades":
      rows = _read_rows(message.data)
      return f"trades {rows[0].coin}" if rows else None
    case "l2Book" | "bbo" | "activeAssetCtx":
      return f"{message.channel} {_read_named(message.data).coin}"
    case "activeSpotAssetCtx":
      return f"activeAssetCtx {_read_named(message.data).coin}"
    case "candle":
      named = _read_named(message.data)
      return f"candle {named.s} {named.i}"
    case _:
      return None


def history_apart(frame: bytes, opened_ms: int) -> list[bytes]:
  """The first message of trades as two: what was traded before the connection, which is history to
  a subscriber, and what was traded since, which is not. Where nothing was before, a trade of size 0
  stands for it, since a reader takes for history all that comes first."""
  message = _read(frame)
  if message.channel != "trades":
    return [frame]
  rows = _read_raw(message.data)
  times = [_read_timed(row).time for row in rows]
  since = [row for row, time in zip(rows, times, strict=True) if time >= opened_ms]
  if not since:
    return [frame]
  before: list[Any] = [row for row, time in zip(rows, times, strict=True) if time < opened_ms]
  if not before:
    nothing = {"side": "B", "px": "0", "sz": "0", "hash": "0x0", "time": opened_ms - 1, "tid": 0}
    before = [{"coin": _read_named(rows[0]).coin, **nothing, "users": ["0x0", "0x0"]}]
  return [_encode({"channel": "trades", "data": part}) for part in (before, since)]


CAPTURED = Captured("hyperliquid", topic_of, _EXPECTED, history_apart)


class HyperliquidPlayback:
  """The markets of recordings. What is listed and was not recorded is silent; a book of either
  depth is the one that was recorded."""

  def __init__(self, captures: list[TopicCapture], speed: float, settle: float) -> None:
    self.fanout = Fanout()
    self._played = TopicPlayback(
      CAPTURED,
      captures,
      lambda topic: LastFrame() if topic.startswith(_KEPT) else None,
      fanout=self.fanout,
      speed=speed,
      settle=settle,
    )
    self._coins = sorted({topic.split(" ")[1] for topic in self._played.topics})

  async def run(self) -> None:
    await self._played.run()

  def progress(self) -> dict[str, Any]:
    return self._played.progress()

  def find(self, wanted: HyperliquidSubscription) -> TopicChannel | None:
    if wanted.coin not in self._coins:
      return None
    topic = msgspec.structs.replace(wanted, fast=False).topic
    return TopicChannel(topic, partial(self._played.first, topic))

  def info(self, payload: dict[str, Any]) -> Any:
    perps = [coin for coin in self._coins if not coin.startswith("@") and "/" not in coin]
    dexes: dict[str, list[dict[str, Any]]] = {"": []}
    for coin in perps:
      dex = coin.partition(":")[0] if ":" in coin else ""
      dexes.setdefault(dex, []).append({"name": coin, "szDecimals": 5, "maxLeverage": 20})
    metas: list[dict[str, Any]] = [
      {"universe": universe, "marginTables": [], "collateralToken": TOKENS["USDC"]}
      for universe in dexes.values()
    ]
    match payload["type"]:
      case "allPerpMetas":
        return metas
      case "meta":
        return metas[list(dexes).index(str(payload.get("dex") or ""))]
      case "perpDexs":
        return [perp_dexs()[0], *({"name": dex, "fullName": dex} for dex in dexes if dex)]
      case "spotMeta":
        return self._spot()
      case "metaAndAssetCtxs":
        meta = metas[list(dexes).index(str(payload.get("dex") or ""))]
        return [meta, [{} for _ in meta["universe"]]]
      case "spotMetaAndAssetCtxs":
        spot = self._spot()
        return [spot, [{} for _ in spot["universe"]]]
      case kind:
        raise ValueError(kind)

  def _spot(self) -> dict[str, Any]:
    """The tokens and pairs of what was recorded; @107 says of itself only that it is one."""
    tokens = {"USDC": TOKENS["USDC"]}
    universe: list[dict[str, Any]] = []
    for number, coin in enumerate(c for c in self._coins if c.startswith("@") or "/" in c):
      base, _, quote = coin.partition("/")
      known = {"@107": "HYPE"}
      pair = [known.get(base, base), quote or "USDC"]
      for name in pair:
        tokens.setdefault(name, 1_000 + len(tokens))
      index = int(coin[1:]) if coin.startswith("@") else number
      named = {"name": coin, "index": index, "isCanonical": "/" in coin}
      universe.append({"tokens": [tokens[name] for name in pair], **named})
    rows = [{"name": name, "index": index, "szDecimals": 2} for name, index in tokens.items()]
    return {"tokens": rows, "universe": universe}
