"""core.jsonl in zstd: what the sink writes the source plays again, also where it was cut off."""

import bond_builtin.sources.recording as source
import pytest

from bond_core import Refused, Registry, Trade, Window, encode, load_spec, run

CLOCK = """
sources: {{clock: {{use: clock.ticks, with: {{seconds: 0.02}}}}}}
sinks: {{file: {{use: core.jsonl, from: clock, with: {{path: {path}}}}}}}
"""
PLAY = """
sources: {{tape: {{use: core.jsonl, with: {{path: {path}}}}}}}
"""


@pytest.fixture
def recording(tmp_path):
  return tmp_path / "ticks.jsonl.zst"


async def played(path, bond_events, count):
  return await bond_events(PLAY.format(path=path), count=count)


async def test_a_recording_in_zstd_plays_again(recording, bond_events):
  spec = load_spec(CLOCK.format(path=recording), registry=Registry())
  result = await run(spec, duration=0.5)
  assert not result.failures
  events = await played(recording, bond_events, 10)
  assert [event.data["count"] for event in events] == list(range(1, len(events) + 1))


async def test_one_that_was_cut_off_plays_to_where_it_is_whole(recording, bond_events, caplog):
  spec = load_spec(CLOCK.format(path=recording), registry=Registry())
  await run(spec, duration=2.5)
  # The trailer, and the end of the last frame.
  recording.write_bytes(recording.read_bytes()[:-150])
  events = await played(recording, bond_events, 20)
  assert [event.data["count"] for event in events] == list(range(1, len(events) + 1))
  assert "ends within a frame" in caplog.text


@pytest.mark.parametrize(
  ("option", "kept"), [("", ["trade", "window"]), ("windows: false", ["trade"])]
)
async def test_windows_that_were_recorded_may_be_left_out(tmp_path, bond_events, option, kept):
  window = Window(ts="x", window_start="x", window_end="x", symbol="BTC/USDT", raw_data={})
  trade = Trade(exchange="x", symbol="BTC/USDT", price=1.0, size=1.0, ts_event=1000)
  path = tmp_path / "both.jsonl"
  path.write_bytes(encode(trade) + b"\n" + encode(window) + b"\n")
  given = f"{path}, {option}" if option else path
  events = await bond_events(PLAY.format(path=given), count=len(kept))
  assert [type(event).__name__.lower() for event in events] == kept


def test_an_endless_line_is_read_piece_by_piece(tmp_path, monkeypatch):
  monkeypatch.setattr(source, "MAX_LINE_BYTES", 1000)
  path = tmp_path / "endless.jsonl"
  path.write_bytes(b"0" * 50_000)
  with path.open("rb") as file:
    lines = source._lines(str(path), file)
  assert sum(map(len, lines)) == 1000
  with pytest.raises(Refused, match="not an event"):
    source._decode(str(path), 0, [b"[" * 1000])
