"""Recordings as frames: what was recorded, and nothing that was received later."""

import json
import random
import subprocess
import sys

import pytest
from bond_recordings.exporting.parquet import ParquetFiles
from bond_recordkit.format import TRAILER_BYTES, Header
from bond_recordkit.reader import event_lines
from bond_recordkit.writer import RecordingWriter, Rotation
from kk0 import Locked, LookAhead, StreamError, frame, walk
from kk0.recordings import columns_of

from bond_core import EVENT_TYPES, Trade, encode
from bond_core.testing import START_MS, sample_events

COUNT = 600


def trades():
  rng = random.Random(2)
  now = START_MS
  for number in range(1, COUNT + 1):
    now += rng.randrange(1, 200)
    yield Trade(
      exchange="x",
      symbol=rng.choice(("BTC/USDT", "ETH/USDT")),
      price=round(rng.uniform(90, 110), 2),
      size=1.0,
      ts_event=now,
      ts_exchange=now - 300,
      seq_internal=number,
    )


@pytest.fixture(scope="module")
def events():
  return list(trades())


@pytest.fixture(scope="module")
def recording(tmp_path_factory, events):
  path = tmp_path_factory.mktemp("frames") / "btc.jsonl.zst"
  writer = RecordingWriter(path, lambda: Header(recording=""), rotation=Rotation(size=1))
  for first in range(0, COUNT, 150):
    writer.write([encode(event) for event in events[first : first + 150]])
  writer.close()
  return path


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_a_frame_has_every_event(recording, events, library):
  found = frame(recording, "trades", library=library)
  assert len(found) == COUNT
  assert list(found["price"]) == [event.price for event in events]
  btc = frame(recording, symbols=["BTC/USDT"], library=library)
  assert set(btc["symbol"]) == {"BTC/USDT"}
  assert len(btc) == sum(event.symbol == "BTC/USDT" for event in events)
  part = frame(recording, since="+5s", until="+9s", library=library)
  begin = events[0].ts_event
  assert list(part["ts_event"]) == [
    e.ts_event for e in events if begin + 5000 <= e.ts_event < begin + 9000
  ]


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_columns_have_their_types_whatever_is_in_them(recording, library):
  full = frame(recording, library=library)
  none = frame(recording, until="+0s", library=library)
  assert len(none) == 0
  assert [str(of) for of in full.dtypes] == [str(of) for of in none.dtypes]
  assert list(full.columns) == list(none.columns)


@pytest.mark.parametrize("kind", sorted(set(EVENT_TYPES) - {"heartbeat"}))
@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_every_type_of_event_has_a_frame(tmp_path, kind, library):
  path = tmp_path / "all.jsonl"
  several = [event for event in sample_events(3) if type(event) is EVENT_TYPES[kind]]
  path.write_bytes(b"".join([encode(event) + b"\n" for event in several]))
  found = frame(path, kind, library=library)
  assert len(found) == len(several) > 0
  assert set(columns_of(kind)) <= {*json.loads(encode(several[0])), "simulated", "ids"}


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_a_folder_of_parquet_is_read(tmp_path, events, library):
  files = ParquetFiles(tmp_path / "out")
  files.add([encode(event) for event in events])
  files.close()
  files.discard()
  if library == "pandas":
    pytest.importorskip("pyarrow")
  found = frame(tmp_path / "out", since=events[10].ts_event / 1000, library=library)
  assert len(found) == COUNT - 10
  with pytest.raises(StreamError, match="has no table"):
    frame(tmp_path, library=library)


# Locked time --------------------------------------------------------------------------------------


def test_locked_time_shows_what_was_received_and_nothing_else(recording, events):
  locked = Locked(recording)
  assert len(locked.frame()) == 0
  rng = random.Random(3)
  for _ in range(50):
    came = locked.advance(rng.choice(("next", "+250ms", "+1s")))
    known = [event for event in events if event.ts_event <= locked.now_ms]
    assert len(locked.frame()) == len(known)
    assert [one["seq_internal"] for one in came] == [e.seq_internal for e in known[-len(came) :]][
      : len(came)
    ]
    # Received later, although the venue's time is before now.
    ahead = events[len(known)]
    assert ahead.ts_event > locked.now_ms
  with pytest.raises(LookAhead, match="after the time of this Locked"):
    locked.frame(until=(locked.now_ms + 1) / 1000)
  with pytest.raises(LookAhead):
    locked.frame(since=(locked.now_ms + 1000) / 1000)
  with pytest.raises(ValueError, match="does not go back"):
    locked.advance((locked.now_ms - 1000) / 1000)


def test_decisions_are_chained(recording):
  locked = Locked(recording)
  locked.advance("+1s")
  first = locked.decide({"side": "buy"})
  locked.advance("+1s")
  second = locked.decide({"side": "sell"})
  assert second["before"] == first["sha256"]
  assert second["known"] > first["known"] > 0
  assert locked.decisions == [first, second]


def test_a_walk_never_trains_on_what_it_tests(recording, events):
  folds = list(walk(recording, train="10s", test="4s", step="3s", purge="500ms"))
  assert len(folds) > 5
  for fold in folds:
    assert fold.test_from == fold.train_until + 500
    assert list(fold.train["ts_event"]) == [
      e.ts_event for e in events if fold.train_from <= e.ts_event < fold.train_until
    ]
    assert list(fold.test["ts_event"]) == [
      e.ts_event for e in events if fold.test_from <= e.ts_event < fold.test_until
    ]
  assert folds[1].train_from - folds[0].train_from == 3000
  locked = next(walk(recording, train="10s", test="4s", locked=True)).test
  known = len(locked.frame())
  assert known == sum(event.ts_event <= locked.now_ms for event in events)
  assert locked.advance("next")[0]["ts_event"] == events[known].ts_event
  with pytest.raises(ValueError, match="is no duration"):
    next(walk(recording, train="ten seconds", test="4s"))


def test_older_files_of_another_recording_are_no_part_of_it(tmp_path, events):
  path = tmp_path / "btc.jsonl.zst"
  for first in (0, 30):
    writer = RecordingWriter(path, lambda: Header(recording=""), rotation=Rotation(size=1))
    for at in range(first, first + 30, 10):
      writer.write([encode(event) for event in events[at : at + 10]])
    writer.close()
    if not first:
      path.unlink()
  assert list(frame(path)["seq_internal"]) == [event.seq_internal for event in events[30:60]]


def written(path, events, **how):
  writer = RecordingWriter(path, lambda: Header(recording=""), **how)
  for first in range(0, len(events), 10):
    writer.write([encode(event) for event in events[first : first + 10]])
  writer.close()


def test_of_a_recorder_that_was_killed_every_whole_frame_is_read(tmp_path, events):
  path = tmp_path / "btc.jsonl.zst"
  written(path, events[:50])
  whole = path.read_bytes()[:-TRAILER_BYTES]
  for cut in range(5, 400, 57):
    path.write_bytes(whole[:-cut])
    found = list(frame(path)["seq_internal"])
    recorded = [line for part in event_lines([path]) for line in part.lines]
    assert found == [json.loads(line)["seq_internal"] for line in recorded]
    assert len(found) >= 20


def test_what_cannot_be_read_is_said(tmp_path, events):
  path = tmp_path / "btc.jsonl.zst"
  written(path, events[:50], rotation=Rotation(size=1))
  (tmp_path / "btc.2.jsonl.zst").rename(tmp_path / "two")
  with pytest.raises(StreamError, match=r"is segment 3, and .* is segment 1"):
    frame(path)
  (tmp_path / "two").rename(tmp_path / "btc.2.jsonl.zst")
  assert len(frame(path)) == 50
  data = bytearray(path.read_bytes())
  data[-250] ^= 0xFF
  path.write_bytes(data)
  with pytest.raises(StreamError, match=r"is damaged: .* bond verify says where"):
    frame(path)
  RecordingWriter(tmp_path / "2.zst", lambda: Header(recording="", format=2)).close()
  for name, text in (("2.zst", None), ("a.yaml", "sources: {}"), ("none.zst", None)):
    if text is not None:
      (tmp_path / name).write_text(text)
    with pytest.raises(StreamError, match=r"newer kk0|is no recording|cannot read"):
      frame(tmp_path / name)
  with pytest.raises(StreamError, match=r"cannot read ws://127.0.0.1:1: "):
    frame("http://127.0.0.1:1")


def test_times_that_nothing_lies_between_are_said(recording, events, tmp_path):
  with pytest.raises(ValueError, match="nothing lies between"):
    frame(recording, since="+9s", until="+5s")
  with pytest.raises(ValueError, match=r"a fold is longer than .* s$"):
    next(walk(recording, train="9d", test="1s"))
  # One symbol may be said as it is.
  assert len(frame(recording, symbols="BTC/USDT")) == len(frame(recording, symbols=["BTC/USDT"]))
  out = tmp_path / "out"
  export = (sys.executable, "-m", "bond_core", "export", recording, "--to", "parquet", out)
  subprocess.run(export, check=True)
  late = [event for event in events if event.ts_event >= events[0].ts_event + 5000]
  assert len(frame(out, since="+5s")) == len(late) < COUNT
  with pytest.raises(StreamError, match="no table candles; it has gaps, trades"):
    frame(out, "candles")


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("count", [1, 2])
def test_of_lines_without_digests_the_last_one_is_read_too(tmp_path, events, count, end):
  path = tmp_path / "btc.jsonl"
  path.write_text("\n".join(encode(event).decode() for event in events[:count]) + end)
  assert len(frame(path)) == count
