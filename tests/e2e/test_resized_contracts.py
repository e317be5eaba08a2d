"""A venue that changes what its contracts are worth while they are read."""

import logging
from contextlib import suppress

import httpx
import msgspec
import pytest
import trio
from bond_sim.okx.config import OkxConfig, serve_okx

from bond_core import Candle, Registry, Trade, decode, load_spec, run

PERPETUALS = ["BTC/USDT:USDT", "BTC/USD:BTC"]
NATIVE = """
sources:
  trades: {{use: okx.trades, with: {{symbols: {symbols}, endpoint: "{url}"}}}}
  bars: {{use: okx.candle, with: {{symbols: {symbols}, endpoint: "{url}", interval: 1s}}}}
"""
THROUGH_CCXT = """
sources:
  trades: {{use: ccxt.trades, with: {{exchange: okx, symbols: {symbols}, endpoint: "{url}"}}}}
  bars: {{use: okx.candle, with: {{symbols: {symbols}, endpoint: "{url}", interval: 1s}}}}
"""


def compared(events, symbol, since, until):
  """Pairs of what was traded in each second (venue's time, ms), by its trades and by its bar, which
  the venue has in the base itself."""
  trades = [e for e in events if type(e) is Trade and e.symbol == symbol]
  bars = [e for e in events if type(e) is Candle and e.symbol == symbol and e.closed]
  return [
    (sum(e.size for e in trades if bar.start <= e.ts_exchange < bar.end), bar.volume)
    for bar in bars
    if since + 1000 <= bar.start and bar.end <= until - 1000 and bar.volume
  ]


@pytest.mark.parametrize("spec", [NATIVE, THROUGH_CCXT], ids=["okx", "ccxt"])
async def test_sizes_are_in_the_base_before_and_after_contracts_are_resized(
  spec, nursery, monkeypatch, caplog, tmp_path
):
  monkeypatch.setattr("bond_ccxt.listing.AGAIN", 1.0)
  monkeypatch.setattr("bond_ccxt.listing.SOON", 1.0)
  caplog.set_level(logging.INFO)
  url = await nursery.start(serve_okx, OkxConfig(port=0, speed=3))
  path, stop, events, done = tmp_path / "events.jsonl", trio.Event(), [], 0
  text = spec.format(symbols=PERPETUALS, url=url)
  text += f"sinks:\n  out: {{use: core.jsonl, from: [trades, bars], with: {{path: '{path}'}}}}\n"

  async def work():
    await run(load_spec(text, registry=Registry()), stop=stop)

  def read():
    nonlocal done
    new = path.read_bytes()[done:] if path.exists() else b""
    lines = new[: new.rfind(b"\n") + 1]
    done += len(lines)
    for line in lines.splitlines():
      # The head of a recording is no event.
      with suppress(msgspec.ValidationError):
        events.append(decode(line))

  def newest():
    return max((e.ts_exchange for e in events if type(e) is Trade), default=0)

  def agree(since):
    """Whether the last two seconds do of each market, and all of them are since then."""
    pairs = [compared(events, symbol, since, newest())[-2:] for symbol in ("BTC/USDT", "BTC/USD")]
    return all(
      len(two) == 2 and all(traded == pytest.approx(volume, rel=1e-3) for traded, volume in two)
      for two in pairs
    )

  async def until(condition):
    # Importing ccxt alone takes long on a busy machine.
    with trio.fail_after(180):
      while not condition():
        await trio.sleep(0.2)
        read()

  async with trio.open_nursery() as working:
    working.start_soon(work)
    await until(newest)
    begun = newest()
    await until(lambda: agree(begun))
    async with httpx.AsyncClient(base_url=url, trust_env=False, verify=False, timeout=60) as client:
      answer = await client.post("/_sim/faults", json={"fault": "resize/BTC-USD"})
      assert answer.status_code == 201, answer.text
      [row] = (
        await client.get("/api/v5/public/instruments?instType=SWAP&instId=BTC-USDT-SWAP")
      ).json()["data"]
      assert (row["ctVal"], row["lotSz"]) == ("0.10", "0.001")
    resized = newest()
    await until(lambda: agree(resized))
    stop.set()
  if spec is NATIVE:
    # OKX pushes what changes, so there is no second in which sizes are wrong.
    for symbol in ("BTC/USDT", "BTC/USD"):
      for traded, volume in compared(events, symbol, begun, newest()):
        assert traded == pytest.approx(volume, rel=1e-3)
    assert "contract size is 0.1 now, it was 0.01" in caplog.text
    assert "contract size is 1000 now, it was 100" in caplog.text
