"""bond why: a window is what the events that it names make."""

import json
import random
from types import SimpleNamespace

import msgspec
import pytest
from bond_recordings.commands.record import record_command
from bond_recordings.commands.why import why_command
from bond_recordkit import lookup
from bond_recordkit.errors import RecordingError
from bond_recordkit.format import NOT_RECORDED, Header
from bond_recordkit.lookup import read_position, why_recorded
from bond_recordkit.reader import event_lines, header_of, runs_of, segments_of
from bond_recordkit.served import why_in_market, why_of_stream
from bond_recordkit.writer import RecordingWriter
from click.testing import CliRunner

from bond_core import DataClock, Gap, Registry, Ticker, Trade, Window, decode, encode, load_spec
from bond_core.logs import DurableLog, MemoryLog
from bond_core.testing import START_MS

SPEC = """
name: trades
sources: {{tape: {{use: core.jsonl, with: {{path: {tape}}}}}}}
transforms:
  big: {{use: core.filter, from: tape, with: {{where: "size > 2"}}}}
  all: {{use: core.window, from: tape, with: {{every: 1s}}}}
  large: {{use: core.window, from: big, with: {{every: 2s, lateness: 500ms, empty: false}}}}
"""
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")


def tape(count, seed=1):
  """Trades and quotes of three symbols: late ones, ones without a venue's time, and a gap."""
  rng = random.Random(seed)
  now = START_MS
  for number in range(count):
    now += rng.randrange(1, 60)
    symbol = rng.choice(SYMBOLS)
    happened = now - rng.choice((5, 10, 40, 40, 200, 1700))
    if number == count // 2:
      yield Gap(
        exchange="x",
        symbol="*",
        channel="*",
        ts_event=now,
        ts_from=now - 900,
        ts_to=now,
        cause="cut",
      )
    elif rng.random() < 0.3:
      price = rng.uniform(90, 110)
      yield Ticker(exchange="x", symbol=symbol, ts_event=now, bid=price, ask=price + 1)
    else:
      yield Trade(
        exchange=rng.choice("xy"),
        symbol=symbol,
        price=round(rng.uniform(90, 110), 2),
        size=round(rng.uniform(0, 5), 3),
        ts_event=now,
        ts_exchange=happened,
        trade_id=str(number),
      )


def recorded(folder, count, seed=1):
  path = folder / "tape.jsonl"
  path.write_bytes(b"".join([encode(event) + b"\n" for event in tape(count, seed)]))
  spec = folder / "trades.yaml"
  spec.write_text(SPEC.format(tape=path))
  done = CliRunner().invoke(record_command, [str(spec), "-o", str(folder / "r.jsonl.zst")])
  assert done.exit_code == 0, done.output
  return folder / "r.jsonl.zst"


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
  return recorded(tmp_path_factory.mktemp("why"), 300)


def windows_in(path):
  events = [decode(text) for part in event_lines([path]) for text in part.lines]
  return [event for event in events if isinstance(event, Window)]


def events_of(path):
  """The events with a number that a segment has."""
  events = [decode(text) for part in event_lines([path]) for text in part.lines]
  return [e for e in events if not isinstance(e, Window) and e.seq_internal is not None]


def check(why):
  """What any reader can add up by hand."""
  assert why is not None
  assert why.equal, why.event
  row = why.event
  trades = [event for event in why.events if isinstance(event, Trade)]
  assert len(trades) == row.raw_data["trades"]
  assert sum(trade.size for trade in trades) == pytest.approx(row.volume_sum)
  assert {trade.symbol for trade in trades} <= {row.symbol}
  if trades:
    assert max(trade.price for trade in trades) == row.price_high
  if why.made_by == ("large",):
    assert all(trade.size > 2 for trade in trades)


def answers_of(path):
  """The answers for all windows of a recording, in order."""
  stream = header_of(path).stream_id
  installed = Registry()
  return [why_recorded(path, f"{stream}:{row.seq}", installed) for row in windows_in(path)]


def test_every_window_is_what_it_names(recording):
  answers = answers_of(recording)
  assert len(answers) == len(windows_in(recording)) > 30
  for why in answers:
    check(why)
  assert {why.made_by for why in answers} == {("all",), ("large",)}
  assert any(why.event.raw_data.get("late") for why in answers)
  assert any(why.gaps for why in answers)


def test_each_run_of_a_recorder_that_was_started_again_answers_for_its_own(tmp_path):
  recorded(tmp_path, 150)
  path = recorded(tmp_path, 120, seed=2)
  first, second = runs_of(segments_of(path))
  assert first.header.epoch != second.header.epoch
  for run in (first, second):
    for why in answers_of(run.paths[-1]):
      check(why)
  newest = why_recorded(path, "7")
  assert newest.position == f"{second.header.epoch}:7"
  older = why_recorded(path, f"{first.header.epoch}:7")
  assert older.position == f"{first.header.epoch}:7"
  assert encode(older.event) != encode(newest.event)
  last = max(event.seq_internal for event in events_of(first.paths[0]))
  assert last > max(event.seq_internal for event in events_of(path))
  assert why_recorded(path, str(last)).position == f"{first.header.epoch}:{last}"
  with pytest.raises(RecordingError, match="no event and no window 9999"):
    why_recorded(path, "9999")


def test_a_window_right_after_what_was_not_recorded_comes_out(recording, tmp_path):
  path = tmp_path / "again.jsonl.zst"
  gap = Gap(exchange="*", symbol="*", channel="*", reason="upstream", cause=NOT_RECORDED)
  gap.ts_event = gap.ts_to = START_MS
  gap.ts_from = START_MS - 5000
  lines = [text for part in event_lines([recording]) for text in part.lines]
  writer = RecordingWriter(path, lambda: header_of(recording))
  writer.write([encode(gap), *lines])
  writer.close()
  first, *_ = answers = answers_of(path)
  assert all(why.equal for why in answers)
  assert [one.cause for one in first.gaps] == [NOT_RECORDED]


@pytest.mark.slow
def test_a_thousand_windows(tmp_path):
  found = 0
  for seed in range(2, 26):
    folder = tmp_path / str(seed)
    folder.mkdir()
    for why in answers_of(recorded(folder, 400, seed)):
      check(why)
      found += 1
  assert found > 1000


def test_the_command_answers_for_windows_and_events(recording):
  header = header_of(recording)
  row = next(w for w in windows_in(recording) if w.raw_data["trades"] > 3)
  position = f"{header.stream_id}:{row.seq}"
  done = CliRunner().invoke(why_command, [position, "--in", str(recording), "--json"])
  assert done.exit_code == 0, done.output
  found = json.loads(done.output)
  assert found["equal"] is True
  assert found["event"]["window_start"] == row.window_start
  assert found["nodes"]["tape"]["use"] == "core.jsonl"
  assert found["versions"]["bond-core"]
  numbers = [n for first, last in found["seqs"] for n in range(first, last + 1)]
  assert len(numbers) == found["count"] == len(found["events"])
  said = CliRunner().invoke(why_command, [position, "--in", str(recording)])
  assert "computed again from them it is the same" in said.output
  event = CliRunner().invoke(
    why_command, [f"{header.epoch}:{numbers[0]}", "--in", str(recording), "--json"]
  )
  assert json.loads(event.output)["event"]["seq_internal"] == numbers[0]


def test_an_altered_window_does_not_come_out(recording, tmp_path):
  row = next(w for w in windows_in(recording) if w.raw_data["trades"] > 3)
  plain = [text for part in event_lines([recording]) for text in part.lines]
  altered = [
    t.replace(b'"price_high":1', b'"price_high":2') if t == encode(row) else t for t in plain
  ]
  assert altered != plain
  path = tmp_path / "altered.jsonl.zst"
  writer = RecordingWriter(path, lambda: header_of(recording))
  writer.write(altered)
  writer.close()
  why = why_recorded(path, f"{header_of(recording).stream_id}:{row.seq}")
  assert why.equal is False
  done = CliRunner().invoke(
    why_command, [f"{header_of(recording).stream_id}:{row.seq}", "--in", str(path)]
  )
  assert (done.exit_code, "NOT" in done.output) == (1, True)


def test_what_is_not_there_is_said(recording):
  for position, reason in (
    ("soon", "is no position"),
    ("ab:1", "not ab"),
    ("123456789", "no window"),
  ):
    done = CliRunner().invoke(why_command, [position, "--in", str(recording)])
    assert (done.exit_code, reason in done.output) == (2, True), done.output
  done = CliRunner().invoke(why_command, ["1", "--url", "http://127.0.0.1:9"])
  assert "no server answers" in done.output
  assert read_position("ab12:7").of == "ab12"


async def test_a_server_answers_from_its_logs(recording):
  events = [decode(text) for part in event_lines([recording]) for text in part.lines]
  clock = DataClock()
  market = DurableLog(MemoryLog("market", clock=clock, seconds=1e6, stamps=True), None)
  made = DurableLog(MemoryLog("stream", clock=clock, seconds=1e6), None)
  rows = []
  for event in events:
    clock.advance(getattr(event, "ts_event", 0))
    if isinstance(event, Window):
      event.seq = None
      made.ring.append([event])
      rows.append(event)
    else:
      market.ring.append([event])
  spec = load_spec(json.dumps(header_of(recording).spec), registry=Registry())
  stream = SimpleNamespace(id="a" * 16, spec=spec, log=made, caller=None)
  for row in rows[3:30:9]:
    why = await why_of_stream(market, stream, row.seq)
    check(why)
    assert msgspec.json.decode(msgspec.json.encode(why.as_data()))["equal"] is True
    assert why.position == f"{stream.id}:{row.seq}"
  why = await why_in_market(market, 5)
  assert why.as_data()["event"]["seq_internal"] == 5
  with pytest.raises(RecordingError, match="this log has"):
    await why_in_market(market, 10**9)
  with pytest.raises(RecordingError, match="has no event"):
    await why_of_stream(market, stream, 10**9)


# Files from elsewhere -----------------------------------------------------------------------------


def from_elsewhere(folder, spec, rows=()):
  """A recording that somebody made, with the spec that they wanted in it."""
  path = folder / "gift.jsonl.zst"
  head = Header(recording="", name="gift", epoch="e1", stream_id="0" * 16, spec=spec)
  writer = RecordingWriter(path, lambda: head)
  trade = Trade(exchange="x", symbol="A/B", price=1.0, size=1.0, ts_event=START_MS)
  trade.seq_internal = 1
  writer.write([encode(event) for event in (trade, *rows)], [1], [START_MS])
  writer.close()
  return path


@pytest.mark.parametrize("source", ["core.jsonl", "binance.trades"])
def test_a_strangers_recording_runs_no_code_unless_its_reader_says_so(
  tmp_path, monkeypatch, source
):
  ran = tmp_path / "ran"
  (tmp_path / "theirs.py").write_text(
    f"import pathlib; pathlib.Path({str(ran)!r}).touch()\ndef change(event): return event\n"
  )
  monkeypatch.syspath_prepend(tmp_path)
  given = {"path": "tape.jsonl"} if source == "core.jsonl" else {"symbols": ["A/B"]}
  spec = {
    "sources": {"t": {"use": source, "with": given}},
    "transforms": {
      "m": {"use": "core.map", "from": "t", "with": {"function": "theirs:change"}},
      "w": {"use": "core.window", "from": "m", "with": {"every": "1s"}},
    },
  }
  path = from_elsewhere(tmp_path, spec)
  refused = CliRunner().invoke(why_command, ["1", "--in", str(path)])
  assert refused.exit_code == 2
  assert "transforms.m" in refused.output
  assert "--trust" in refused.output
  assert not ran.exists()
  own = CliRunner().invoke(why_command, ["1", "--in", str(path), "--trust"])
  assert own.exit_code == 0, own.output


def test_a_window_that_there_is_not_is_told_with_those_that_there_are(recording):
  path, stream = recording, header_of(recording).stream_id
  numbers = [row.seq for row in windows_in(path)]
  with pytest.raises(RecordingError, match=f"numbers from {numbers[0]} to {numbers[-1]}"):
    why_recorded(path, f"{stream}:{numbers[-1] + 1}")


def test_not_all_of_a_long_recording_is_held_for_one_window(tmp_path, monkeypatch):
  path = recorded(tmp_path, 300, seed=3)
  stream, last = header_of(path).stream_id, windows_in(path)[-1]
  held = []
  events_before = lookup._events_before

  def noted(*given):
    held.append(len(found := events_before(*given)))
    return found

  monkeypatch.setattr(lookup, "_events_before", noted)
  monkeypatch.setattr(lookup, "MOST_READ", 200)
  assert why_recorded(path, f"{stream}:{last.seq}").equal
  assert max(held) <= 200
