"""bond export: what goes into other programs' files is what was recorded."""

import json
import shutil

import duckdb
import numpy
import pytest
import trio
from bond_recordings.commands.export import export_command
from bond_recordings.commands.replay import replay_command
from bond_recordings.exporting.columns import columns_of, schema
from bond_recordings.exporting.hft import BUY, CLEAR, EXCHANGE, LOCAL, Row, in_both_orders
from bond_recordkit.format import Header
from bond_recordkit.reader import event_lines, frames, segments_of
from bond_recordkit.writer import RecordingWriter, Rotation
from click.testing import CliRunner

from bond_core import EVENT_TYPES, Gap, OrderBook, Registry, Trade, encode
from bond_core.logs import open_log
from bond_core.testing import START_MS, sample_events

DECIMALS = ("0.1", "57019.38", "123456789.12345", "0.00000012", "1000.0")


def write(path, events, epoch="e1", **how):
  writer = RecordingWriter(path, lambda: Header(recording="", epoch=epoch), **how)
  for first in range(0, len(events), 50):
    batch = events[first : first + 50]
    times = [event.ts_event for event in batch if getattr(event, "ts_event", 0)]
    writer.write([encode(event) for event in batch], (), times)
  writer.close()


@pytest.fixture
def recording(tmp_path):
  path = tmp_path / "all.jsonl.zst"
  events = sample_events(40)
  for number, event in enumerate(events, 1):
    if hasattr(event, "seq_internal"):
      event.seq_internal = number
  write(path, events, rotation=Rotation(size=3000))
  assert len(segments_of(path)) > 1
  return path


def trades(path, count=20, symbol="BTC/USDT"):
  events = [
    Trade(
      exchange="x",
      symbol=symbol,
      price=float(DECIMALS[n % 5]),
      size=1.5,
      ts_event=START_MS + n,
      ts_exchange=START_MS + n - 3,
      seq_internal=n + 1,
    )
    for n in range(count)
  ]
  write(path, events)
  return events


def exported(*args):
  done = CliRunner().invoke(export_command, [str(arg) for arg in args])
  assert done.exit_code == 0, done.output
  return done.output


def lines_of(path):
  return [json.loads(text) for part in event_lines(segments_of(path)) for text in part.lines]


def counts(path):
  found = {}
  for event in lines_of(path):
    found[event["type"]] = found.get(event["type"], 0) + 1
  return found


def rows(query):
  return duckdb.sql(query).fetchall()


def test_parquet_has_every_event_once(recording, tmp_path):
  out = tmp_path / "out"
  exported(recording, "--to", "parquet", out)
  tables = {name: table for name, table in schema().items() if (out / name).exists()}
  for kind, count in counts(recording).items():
    table = next(t for t in tables if t in (kind, f"{kind}s"))
    assert rows(f"SELECT count(*) FROM '{out}/{table}/**/*.parquet'") == [(count,)], table
  manifest = json.loads((out / "_manifest.json").read_text())
  assert manifest["rows"] == len(lines_of(recording))
  assert manifest["tables"]["trades"]["rows"] == 40
  assert manifest["tables"]["trades"]["first_seq"] == lines_of(recording)[0]["seq_internal"]
  assert manifest["source"]["digest"]
  assert len(manifest["source"]["files"]) == len(segments_of(recording))
  [run] = manifest["source"]["runs"]
  assert run["files"] == manifest["source"]["files"]


def test_the_manifest_says_which_epoch_each_run_of_a_recorder_had(tmp_path):
  path = tmp_path / "twice.jsonl.zst"
  write(path, sample_events()[:3], epoch="e1")
  write(path, sample_events()[:3], epoch="e2")
  exported(path, "--to", "csv", tmp_path / "out")
  source = json.loads((tmp_path / "out/_manifest.json").read_text())["source"]
  first, second = source["runs"]
  assert first["files"] + second["files"] == source["files"]
  assert (first["epoch"], second["epoch"], source["epoch"]) == ("e1", "e2", "e2")


def test_a_column_keeps_its_type_whatever_is_in_it(recording, tmp_path):
  exported(recording, "--to", "parquet", tmp_path / "full")
  path = tmp_path / "bare.jsonl.zst"
  trades(path)
  exported(path, "--to", "parquet", tmp_path / "bare")
  described = "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet('{}'))"
  both = [
    dict(rows(described.format(f"{tmp_path}/{name}/trades/**/*.parquet")))
    for name in ("full", "bare")
  ]
  assert both[0] == both[1]
  assert both[1]["fee"] == "DOUBLE"
  assert both[1]["order_id"] == "VARCHAR"
  assert list(both[1])[: len(columns_of("trade"))] == [c.name for c in columns_of("trade")]
  # There was no gap, and there is a table of them.
  assert rows(f"SELECT count(*) FROM '{tmp_path}/bare/gaps/*.parquet'") == [(0,)]


def test_decimals_survive(tmp_path):
  path = tmp_path / "btc.jsonl.zst"
  events = trades(path)
  exported(path, "--to", "parquet", tmp_path / "out")
  found = rows(
    f"SELECT price, price_text FROM '{tmp_path}/out/trades/**/*.parquet' ORDER BY ts_event"
  )
  assert [price for price, _ in found] == [event.price for event in events]
  assert [float(text) for _, text in found] == [event.price for event in events]
  assert {text for _, text in found} >= {"0.1", "57019.38", "123456789.12345"}


def test_symbols_with_any_letter_have_a_folder(tmp_path):
  path = tmp_path / "odd.jsonl.zst"
  trades(path, symbol="../../e'vil=\" %2F/USDT")
  exported(path, "--to", "parquet", tmp_path / "out")
  assert rows(f"SELECT DISTINCT symbol FROM '{tmp_path}/out/trades/**/*.parquet'") == [
    ("../../e'vil=\" %2F/USDT",)
  ]
  assert sorted(entry.name for entry in tmp_path.iterdir()) == ["odd.jsonl.zst", "out"]


def test_csv_has_the_decimals(tmp_path):
  path = tmp_path / "btc.jsonl.zst"
  trades(path)
  exported(path, "--to", "csv", tmp_path / "out")
  head, first, *_ = (tmp_path / "out" / "trades.csv").read_text().splitlines()
  row = dict(zip(head.split(","), first.split(","), strict=True))
  assert (row["price"], row["fee"], row["symbol"]) == ("0.1", "", "BTC/USDT")
  assert (tmp_path / "out" / "gaps.csv").read_text().count("\n") == 1


def test_a_part_is_chosen_by_time_channel_and_symbol(recording, tmp_path):
  out = tmp_path / "out"
  exported(recording, "--to", "csv", out, "--channels", "trades", "--from", "+5s", "--until", "+9s")
  trades_in = [e for e in lines_of(recording) if e["type"] == "trade"]
  begin = min(e["ts_event"] for e in lines_of(recording) if e.get("ts_event"))
  wanted = [e for e in trades_in if begin + 5000 <= e["ts_event"] < begin + 9000]
  assert len((out / "trades.csv").read_text().splitlines()) == len(wanted) + 1
  assert {path.name for path in out.iterdir()} <= {"trades.csv", "gaps.csv", "_manifest.json"}
  # A symbol that is there, and one that is not.
  some = exported(recording, "--to", "csv", tmp_path / "some", "--symbols", "BTC/USDT,NONE/USDT")
  assert "warning: --symbols: there was nothing of NONE/USDT" in some


def test_what_is_wrong_is_said(recording, tmp_path):
  def refused(*args):
    done = CliRunner().invoke(export_command, [str(arg) for arg in args])
    assert done.exit_code == 2
    return done.output

  assert "trades" in refused(recording, "--to", "csv", tmp_path / "a", "--channels", "traids")
  assert "write RFC 3339" in refused(recording, "--to", "csv", tmp_path / "a", "--from", "noon")
  assert "is not empty" in refused(recording, "--to", "csv", tmp_path)
  assert "holds no log" in refused(tmp_path, "--to", "csv", tmp_path / "a")
  assert "name a recording" in refused("--to", "csv")
  for url in ("banana", "file:///tmp", "ws://"):
    done = CliRunner().invoke(export_command, ["--url", url, "--to", "csv", str(tmp_path / "a")])
    assert (done.exit_code, "write ws://localhost:8080" in done.output) == (1, True)
  none = refused(recording, "--to", "csv", tmp_path / "a", "--symbols", "NONE/USDT")
  assert "it has BTC, BTC/USDT (" in none
  assert "received from 2025-10-09T08:53:20" in none
  assert "it has" in refused(recording, "--to", "csv", tmp_path / "a", "--from", "+9h")
  for times in (("+9s", "+5s"), ("+9s", "+9s"), ("2030-01-01", "2020-01-01")):
    span = ("--from", times[0], "--until", times[1])
    assert "is not after" in refused(recording, "--to", "csv", tmp_path / "a", *span)
    done = CliRunner().invoke(replay_command, [str(recording), *span])
    assert (done.exit_code, "is not after" in done.output) == (2, True)
  assert "is a file; name a folder" in refused(recording, "--to", "csv", recording)
  assert not (tmp_path / "a").exists()
  assert not (tmp_path / "a.part").exists()


@pytest.mark.parametrize("form", ["csv", "parquet", "hftbacktest"])
def test_what_stands_under_a_name_is_whole(recording, tmp_path, form):
  out = tmp_path / "out"
  data = bytearray(recording.read_bytes())
  starts = [frame.offset for frame in frames(recording)]
  data[starts[2] + 12] ^= 0xFF
  recording.write_bytes(data)
  args = [str(recording), "--to", form, str(out)]
  done = CliRunner().invoke(export_command, args)
  assert (done.exit_code, "is damaged from byte" in done.output) == (1, True)
  assert not out.exists()
  (tmp_path / "out.part").mkdir()
  done = CliRunner().invoke(export_command, args)
  assert (done.exit_code, "of an export that did not end" in done.output) == (2, True)
  assert (tmp_path / "out.part").exists()


async def test_the_log_of_a_server_is_read_and_stays_as_it_is(tmp_path):
  log = Registry().log("core.file")
  config = log.config(path=str(tmp_path / "log"))
  async with open_log(log, config, "market", stamps=True) as kept:
    kept.ring.append([event for event in sample_events(20) if isinstance(event, Trade)])
    args = [str(tmp_path), "--to", "csv", str(tmp_path / "no")]
    out = await trio.to_thread.run_sync(CliRunner().invoke, export_command, args)
    await kept.ring.reached(20)
  epoch = kept.epoch
  await trio.to_thread.run_sync(exported, tmp_path, "--to", "csv", tmp_path / "out")
  assert len((tmp_path / "out" / "trades.csv").read_text().splitlines()) == 21
  manifest = json.loads((tmp_path / "out" / "_manifest.json").read_text())
  assert manifest["source"] == {"log": "market", "epoch": epoch}
  # With --sim a server has its own one folder down.
  shutil.copytree(tmp_path / "log", tmp_path / "server" / "simulated" / "log")
  await trio.to_thread.run_sync(exported, tmp_path / "server", "--to", "csv", tmp_path / "sim")
  assert (tmp_path / "sim/trades.csv").read_bytes() == (tmp_path / "out/trades.csv").read_bytes()
  args = [str(tmp_path), "--to", "csv", str(tmp_path / "none"), "--symbols", "NONE/USDT"]
  none = await trio.to_thread.run_sync(CliRunner().invoke, export_command, args)
  assert (none.exit_code, "nothing that is there is as you ask" in none.output) == (1, True)
  async with open_log(log, config, "market", stamps=True) as again:
    assert again.epoch == epoch
    # Its own gap, for the time while no server ran.
    assert again.head == 21
  assert (out.exit_code, "in use by another process" in out.output) == (1, True)


# hftbacktest --------------------------------------------------------------------------------------


def book(ts, seq, kind="delta"):
  return OrderBook(
    exchange="x",
    symbol="BTC/USDT",
    market_type="spot",
    bids=[(100.0, 1.0)],
    asks=[(101.0, 0.0)],
    update_type=kind,
    ts_event=ts,
    ts_exchange=ts - 5,
    seq_internal=seq,
  )


def test_hftbacktest_gets_every_level_and_a_clear_at_each_gap(tmp_path):
  path = tmp_path / "book.jsonl.zst"
  gap = Gap(exchange="x", symbol="BTC/USDT", channel="orderbook", ts_event=START_MS + 30)
  events = [book(START_MS, 1, "snapshot"), book(START_MS + 20, 2), gap]
  events += [book(START_MS + 40, 4, "snapshot")]
  write(path, events)
  exported(path, "--to", "hftbacktest", tmp_path / "out")
  data = numpy.load(tmp_path / "out" / "x_BTC-USDT_spot.npz")["data"]
  assert data.dtype.itemsize == 64
  kinds = [int(ev) & 0xFF for ev in data["ev"]]
  assert kinds == [CLEAR, 4, 4, 1, 1, CLEAR, CLEAR, 4, 4]
  assert all(int(ev) & EXCHANGE and int(ev) & LOCAL for ev in data["ev"])
  assert int(data["ev"][1]) & BUY
  assert data["qty"][4] == 0.0
  assert data["exch_ts"][1] == (START_MS - 5) * 1_000_000


def test_each_instrument_has_a_file_of_its_own_whatever_its_symbol(tmp_path):
  path = tmp_path / "all.jsonl.zst"
  symbols = ("币安人生/USDT", "火币火币/USDT", "A-B/USDT", "A/B-USDT", "A:B/USDT", "..", "a_b/c")
  write(path, [next(iter(trades(tmp_path / f"{n}.zst", 1, s))) for n, s in enumerate(symbols)])
  exported(path, "--to", "hftbacktest", tmp_path / "out")
  manifest = json.loads((tmp_path / "out/_manifest.json").read_text())
  assert sorted(one["symbol"] for one in manifest["files"].values()) == sorted(symbols)
  for name, one in manifest["files"].items():
    assert (one["records"], len(numpy.load(tmp_path / "out" / name)["data"])) == (1, 1)


def test_what_hftbacktest_has_no_records_of_is_left_out_and_said(recording, tmp_path):
  said = exported(recording, "--to", "hftbacktest", tmp_path / "out")
  assert "of the type 'ticker', which hftbacktest has no place for, left out" in said
  manifest = json.loads((tmp_path / "out/_manifest.json").read_text())
  there = counts(recording)
  assert set(manifest["tables"]) == {"trades", "orderbooks", "gaps"}
  assert manifest["rows"] == sum(there[kind] for kind in ("trade", "orderbook", "gap"))
  assert manifest["left_out"]["ticker"] == there["ticker"]


def test_records_stand_in_the_order_of_both_clocks():
  rng = numpy.random.default_rng(3)
  local = numpy.sort(rng.integers(1_000, 9_000, 400))
  rows_ = [
    Row(1, int(t - rng.integers(0, 500)), int(t), float(n), 1.0) for n, t in enumerate(local)
  ]
  data = in_both_orders(numpy, rows_)
  for flag, clock in ((EXCHANGE, "exch_ts"), (LOCAL, "local_ts")):
    seen = data[(data["ev"] & flag) != 0]
    assert len(seen) == 400
    assert (numpy.diff(seen[clock]) >= 0).all()
    assert sorted(seen["px"]) == [float(n) for n in range(400)]
  assert len(data) > 400
  # A clock that is ahead moves all times of receipt by the same.
  early = in_both_orders(numpy, [Row(1, 500, 100, 1.0, 1.0), Row(1, 600, 700, 2.0, 1.0)])
  assert list(early["local_ts"]) == [500, 1100]


# Replay -------------------------------------------------------------------------------------------


def test_a_replay_prints_the_recorded_lines(recording):
  done = CliRunner().invoke(replay_command, [str(recording), "--speed", "max", "--json"])
  assert done.exit_code == 0
  lines = [text for part in event_lines(segments_of(recording)) for text in part.lines]
  assert done.stdout_bytes == b"\n".join(lines) + b"\n"
  part = CliRunner().invoke(
    replay_command, [str(recording), "--speed", "max", "--json", "--from", "+5s", "--until", "+6s"]
  )
  assert part.stdout_bytes in done.stdout_bytes
  assert 0 < len(part.stdout_bytes) < len(done.stdout_bytes) / 10
  shown = CliRunner().invoke(replay_command, [str(recording), "--speed", "100000"])
  assert len(shown.output.splitlines()) == len(lines)


def test_speeds_are_read(recording):
  done = CliRunner().invoke(replay_command, [str(recording), "--speed", "fast"])
  assert (done.exit_code, "or max" in done.output) == (2, True)


def test_every_type_has_a_table():
  assert len(schema()) == len(EVENT_TYPES)


@pytest.mark.parametrize("command", ["export", "replay"])
def test_what_cannot_be_read_is_said_and_fails(tmp_path, command):
  def failed(path):
    out = tmp_path / f"{path.name}-out"
    args = [path, "--to", "csv", out] if command == "export" else [path, "--json", "--speed", "max"]
    kind = export_command if command == "export" else replay_command
    done = CliRunner().invoke(kind, [str(arg) for arg in args])
    assert done.exit_code == 1, done.output
    assert not (out / "_manifest.json").exists()
    return done.output

  path = tmp_path / "letters.jsonl.zst"
  writer = RecordingWriter(path, lambda: Header(recording=""))
  writer.write([b"dear all"])
  writer.close()
  assert "a line is no event" in failed(path)

  path = tmp_path / "altered.jsonl.zst"
  trades(path, 200)
  data = bytearray(path.read_bytes())
  data[-400] ^= 0xFF
  path.write_bytes(data)
  assert "is damaged from byte" in failed(path)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_events_of_a_type_that_is_not_known_are_counted_as_left_out(tmp_path, form):
  path = tmp_path / "newer.jsonl.zst"
  writer = RecordingWriter(path, lambda: Header(recording=""))
  writer.write([b'{"type":"auction","exchange":"x"}', encode(sample_events(1)[0])])
  writer.close()
  assert "1 event of the type 'auction'" in exported(path, "--to", form, tmp_path / "out")
  manifest = json.loads((tmp_path / "out/_manifest.json").read_text())
  assert (manifest["rows"], manifest["left_out"]) == (1, {"auction": 1})
