"""Five hundred books of a venue: no limit is hit, and `bond plan` knew how long the start takes."""

import json
import re

import pytest
import trio
from venue import BOND, bond_run, simulator

COUNT = 500
SPEC = """
name: many
sources:
  books:
    use: {venue}.orderbook
    with: {{symbols: {symbols}, endpoint: "{url}", depth: 200, speed_ms: 5000}}
sinks:
  out: {{use: core.jsonl, from: books, with: {{path: {out}}}}}
"""
# What a start takes beyond the venue's limits: two processes, and books of markets in which little
# happens on a machine that has other things to do.
SLOWER, MORE = 1.2, 60
SYMBOL = re.compile(rb'"symbol":"(M\d+)/USDT"')


async def planned(spec):
  """Seconds by `bond plan`."""
  done = await trio.run_process([*BOND, "plan", str(spec), "--json"], capture_stdout=True)
  return max(row["start_seconds"] for row in json.loads(done.stdout)["venues"])


# Binance's books begin with requests, whose weight makes 500 of them take minutes.
@pytest.mark.parametrize("venue", ["okx", "bybit", pytest.param("binance", marks=pytest.mark.slow)])
async def test_a_venue_gives_five_hundred_books_within_its_limits_and_in_the_time_planned(
  venue, tmp_path
):
  out = tmp_path / "books.jsonl"
  symbols = [f"M{number:03}/USDT" for number in range(1, COUNT + 1)]
  async with simulator("--markets", str(COUNT), venue=venue) as sim:
    text = SPEC.format(venue=venue, symbols=json.dumps(symbols), url=sim.endpoint, out=out)
    (tmp_path / "planned.yaml").write_text(text)
    seconds = await planned(tmp_path / "planned.yaml")
    began = trio.current_time()
    took = None

    async def all_there():
      nonlocal took
      seen, at = set(), 0
      with trio.fail_after(seconds * SLOWER + MORE):
        while len(seen) < COUNT:
          await trio.sleep(0.3)
          if out.exists():
            with out.open("rb") as file:
              file.seek(at)
              text = file.read()
            whole = text.rfind(b"\n") + 1
            seen.update(SYMBOL.findall(text[:whole]))
            at += whole
      took = trio.current_time() - began

    ran = await bond_run(text, tmp_path, "-v", until=all_there)
    stats = await trio.to_thread.run_sync(sim.control, "stats")
  assert ran.code == 0, ran.errors
  # Nothing was refused, no connection was closed for what was sent on it, nothing came again.
  assert stats["refused"] == 0
  assert not set(re.findall(r"HTTP (\d{3})", ran.errors)), ran.errors
  assert "trying again" not in ran.errors
  assert ", 0 gaps, 0 reconnects" in ran.errors
  assert len(stats["attempts"]) == len(stats["connections"])
  # A start in no time at all would be none within the limits that were planned for.
  assert took >= 0.8 * seconds - 2, (took, seconds)
