"""What is written can be read, whatever happened to its recorder, and what was altered is found."""

import logging
import random
import resource
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
import trio
from bond_recordkit import reader
from bond_recordkit.errors import RecordingError
from bond_recordkit.format import TRAILER_BYTES, Header, Sealed, body_of, sums, trailer
from bond_recordkit.reader import Torn, event_lines, frames, segments_of
from bond_recordkit.signing import read_public_key, read_signer
from bond_recordkit.sink import open_recording_sink
from bond_recordkit.verify import located, verify
from bond_recordkit.writer import RecordingWriter, Rotation, read_rotation
from bond_recordkit.zstd import MAGIC, compressed, open_zstd
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
  Encoding,
  NoEncryption,
  PrivateFormat,
  PublicFormat,
)

from bond_core import Custom, DataClock, Refused, SinkContext, Trade, decode, encode


def described():
  return Header(recording="", name="btc", epoch="e1")


def line(number):
  return encode(
    Trade(
      exchange="x", symbol="BTC/USDT", price=100.0 + number, size=1.0, ts_event=1000 + number,
      seq_internal=number,
    )
  )  # fmt: skip


def write(path, counts, first=1, **how):
  writer = RecordingWriter(path, described, **how)
  number = first
  for count in counts:
    numbers = range(number, number + count)
    writer.write([line(n) for n in numbers], numbers, [1000 + n for n in numbers])
    number += count
  writer.close()
  return writer


@pytest.fixture
def recording(tmp_path):
  path = tmp_path / "btc.jsonl.zst"
  write(path, (20, 1, 30))
  return path


def events_in(path):
  return [text for part in event_lines(segments_of(path)) for text in part.lines]


def test_what_was_written_is_read_again_in_order(recording):
  assert events_in(recording) == [line(n) for n in range(1, 52)]
  report = verify(segments_of(recording))
  assert report.sound
  assert not report.notes
  assert (report.segments, report.frames) == (1, 4)


def test_any_reader_of_zstd_reads_lines_of_json(recording):
  with open_zstd(recording, "rb") as file:
    types = [msgspec.json.decode(text)["type"] for text in file]
  assert types.count("trade") == 51
  assert types[0] == "recording"


def test_segments_are_numbered_and_chained(tmp_path):
  path = tmp_path / "btc.jsonl.zst"
  write(path, (20,) * 6, rotation=Rotation(size=1))
  names = [one.name for one in segments_of(path)]
  assert names == [*(f"btc.{n}.jsonl.zst" for n in range(1, 6)), "btc.jsonl.zst"]
  assert len(events_in(path)) == 120
  assert verify(segments_of(path)).sound
  missing = [one for one in segments_of(path) if one.name != "btc.3.jsonl.zst"]
  assert "is segment 4" in verify(missing).faults[0].message
  swapped = [tmp_path / names[1], tmp_path / names[0]]
  assert not verify(swapped).sound


def test_the_newest_segments_are_kept(tmp_path):
  path = tmp_path / "btc.jsonl.zst"
  write(path, (5,) * 6, rotation=Rotation(size=1, keep=2))
  assert next(one.name for one in segments_of(path)) == "btc.4.jsonl.zst"
  report = verify(segments_of(path))
  assert report.sound
  assert "earlier ones are not here" in report.notes[0]


def test_a_recording_is_gone_on_with(recording):
  writer = write(recording, (4,), first=52)
  assert writer.resumed_from == 1051
  assert events_in(recording) == [line(n) for n in range(1, 56)]
  report = verify(segments_of(recording))
  assert report.sound
  assert report.segments == 2


def test_another_file_is_not_written_over(tmp_path):
  path = tmp_path / "letters.zst"
  path.write_bytes(compressed(b"dear all\n"))
  with pytest.raises(Refused, match="is no recording"):
    RecordingWriter(path, described)
  with pytest.raises(RecordingError, match="`bond record` writes one"):
    segments_of(path)


def test_a_file_cut_anywhere_reads_to_its_last_whole_frame(recording, tmp_path):
  data = recording.read_bytes()
  ends = {frame.offset: frame.line for frame in frames(recording)}
  cut = tmp_path / "cut.jsonl.zst"
  for size in range(max(1, sorted(ends)[1]), len(data), 7):
    cut.write_bytes(data[:size])
    found = events_in(cut)
    whole = max(offset for offset in ends if offset <= size)
    # The header and the digests are lines too.
    frames_before = sum(offset < whole for offset in ends)
    assert len(found) == ends[whole] - 1 - 1 - frames_before
    report = verify([cut])
    assert report.sound, report.faults
    assert report.notes


def test_a_killed_recording_is_gone_on_with(recording):
  recording.write_bytes(recording.read_bytes()[:-100])
  before = len(events_in(recording))
  write(recording, (3,), first=90)
  assert len(events_in(recording)) == before + 3
  assert verify(segments_of(recording)).sound


@pytest.mark.parametrize("cut", [0, 200])
def test_going_on_reads_the_end_of_the_segment_and_not_all_of_it(tmp_path, monkeypatch, cut):
  path = tmp_path / "btc.jsonl.zst"
  write(path, (20,) * 50)
  path.write_bytes(path.read_bytes()[: path.stat().st_size - cut])
  unpacked, real = [], reader._unpacked
  with monkeypatch.context() as patched:
    patched.setattr(reader, "_unpacked", lambda *given: unpacked.append(1) or real(*given))
    writer = RecordingWriter(path, described)
  assert len(unpacked) <= 3
  assert writer._previous == verify([path]).digest
  assert writer.resumed_from == 1000 + decode(events_in(path)[-1]).seq_internal


def test_the_end_is_found_whatever_stands_behind_it(tmp_path, monkeypatch):
  path = tmp_path / "btc.jsonl.zst"
  write(path, (20, 20))
  data, digest = path.read_bytes(), verify([path]).digest
  # Also across the borders of what is read at once.
  for size in (5, 64, 4096):
    monkeypatch.setattr(reader, "_TAIL", size)
    for behind in (b"", MAGIC, MAGIC + b"no frame", b"x" * 100, MAGIC * 3):
      path.write_bytes(data + behind)
      assert RecordingWriter(path, described)._previous == digest


def test_a_recorder_killed_before_its_first_event_leaves_a_time_to_go_on_from(tmp_path):
  path = tmp_path / "btc.jsonl.zst"
  writer = RecordingWriter(path, lambda: Header(recording="", ts_event=77))
  writer.write([b'{"type":"frame","exchange":"x","ts_event":78}'])
  writer.close()
  assert RecordingWriter(path, described).resumed_from == 77


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_recorder_that_was_killed_between_two_segments_goes_on(recording, monkeypatch):
  class Killed(BaseException):
    pass

  killed = []

  def replace(self, target):
    killed.append(target)
    raise Killed

  with monkeypatch.context() as patched:
    # What a kill leaves: nothing of it is tidied up.
    patched.setattr(Path, "replace", replace)
    with pytest.raises(Killed):
      write(recording, (3,), first=90)
  assert killed == [recording]
  assert not recording.exists()
  write(recording, (3,), first=90)
  assert len(segments_of(recording)) == 3
  report = verify(segments_of(recording))
  assert report.sound, report.faults
  assert events_in(recording) == [line(n) for n in [*range(1, 52), 90, 91, 92]]
  assert not recording.with_name("btc.jsonl.zst.next").exists()


# What is altered --------------------------------------------------------------------------------


def altered_bytes(path, rng):
  data = bytearray(path.read_bytes())
  at = rng.randrange(len(data))
  data[at] ^= 1 << rng.randrange(8)
  path.write_bytes(data)


def repacked(path, change):
  """Changes the lines of one frame, and packs it as its recorder would have."""
  found = list(frames(path))
  out = []
  for frame in found:
    lines = frame.text.split(b"\n")[:-1]
    if frame.skipped:
      packed = sha256(b"".join(out)).digest()
      out.append(trailer(bytes.fromhex(frame.text[:64].decode()), packed))
    else:
      out.append(compressed(body_of(change(frame, lines))))
  path.write_bytes(b"".join(out))


def in_line(path, rng):
  """Alters, removes, adds, swaps or moves a line; the number of the line that has to be named."""
  whole = [frame for frame in frames(path) if not frame.skipped and frame.text.count(b"\n") > 3]
  chosen = rng.choice(whole)
  count = chosen.text.count(b"\n") - 1
  what = rng.choice(("alter", "remove", "add", "swap", "move"))
  at = rng.randrange(count)
  other = rng.choice([n for n in range(count) if n != at])
  if what == "move":
    other = rng.choice([n for n in range(count) if abs(n - at) > 1])

  def change(frame, lines):
    if frame.offset != chosen.offset:
      return lines
    if what == "alter":
      lines[at] = lines[at].replace(b'"size":1.0', b'"size":2.0')
    elif what == "remove":
      del lines[at]
    elif what == "add":
      lines.insert(at, line(5000))
    elif what == "swap":
      lines[at], lines[other] = lines[other], lines[at]
    else:
      lines.insert(other, lines.pop(at))
    return lines

  repacked(path, change)
  if what in ("swap", "move"):
    first = min(at, other) if what == "swap" or abs(at - other) == 1 else other
    return what, chosen.line + first
  return what, chosen.line + at


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_every_altered_byte_is_found(tmp_path, count):
  rng = random.Random(7)
  path = tmp_path / "btc.jsonl.zst"
  write(path, (20, 1, 30))
  data = path.read_bytes()
  for _ in range(count):
    path.write_bytes(data)
    altered_bytes(path, rng)
    try:
      assert not verify([path]).sound
    except RecordingError:
      pass


def test_bytes_everywhere_in_a_small_recording_counts(tmp_path):
  path = tmp_path / "btc.jsonl.zst"
  write(path, (2,))
  data = path.read_bytes()
  for at in range(0, len(data), 3):
    path.write_bytes(data[:at] + bytes((data[at] ^ 0x41,)) + data[at + 1 :])
    try:
      assert not verify([path]).sound, at
    except RecordingError:
      pass


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_every_altered_removed_added_or_moved_line_is_named(tmp_path, count):
  rng = random.Random(11)
  path = tmp_path / "btc.jsonl.zst"
  write(path, (40, 1, 60))
  data = path.read_bytes()
  for _ in range(count):
    path.write_bytes(data)
    what, number = in_line(path, rng)
    faults = verify([path]).faults
    assert faults, what
    assert faults[0].line == number, (what, faults[0])


def test_a_frame_that_is_missing_or_moved_is_found(tmp_path):
  path = tmp_path / "btc.jsonl.zst"
  write(path, (5, 6, 7))
  data = path.read_bytes()
  starts = [frame.offset for frame in frames(path)]
  pieces = [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]
  path.write_bytes(b"".join(pieces[:2] + pieces[3:]))
  assert "frame 2 is missing" in verify([path]).faults[0].message
  path.write_bytes(b"".join([*pieces[:1], pieces[2], pieces[1], *pieces[3:]]))
  assert not verify([path]).sound
  path.write_bytes(b"".join([*pieces[:-2], pieces[-1]]))
  assert "the end was altered" in verify([path]).faults[0].message
  path.write_bytes(data + compressed(b"{}\n"))
  assert "behind the end" in verify([path]).faults[0].message


def test_one_who_makes_new_digests_needs_the_key(tmp_path):
  key = Ed25519PrivateKey.generate()
  pem = tmp_path / "key.pem"
  pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
  public = tmp_path / "pub.pem"
  public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
  path = tmp_path / "btc.jsonl.zst"
  write(path, (5, 5), signer=read_signer(pem))
  given = read_public_key(str(public))
  report = verify([path], given)
  assert report.sound
  assert report.signed
  forged = tmp_path / "forged.jsonl.zst"
  write(forged, (5, 4))
  assert verify([forged]).sound
  assert "not signed with this key" in verify([forged], given).faults[0].message
  other = Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()
  assert not verify([path], other).sound


def test_what_is_no_key_is_said(tmp_path):
  with pytest.raises(RecordingError, match="openssl genpkey"):
    read_signer(tmp_path / "none.pem")
  with pytest.raises(RecordingError, match="64 hex digits"):
    read_public_key(str(tmp_path / "none.pem"))


def test_a_frame_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
  monkeypatch.setattr("bond_recordkit.reader.MOST_BYTES", 10_000_000)
  path = tmp_path / "bomb.jsonl.zst"
  path.write_bytes(compressed(b"0" * 50_000_000))
  with pytest.raises(RecordingError, match="unpacks to more"):
    segments_of(path)


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_a_frame_of_too_many_lines_is_refused(recording, end):
  with recording.open("ab") as file:
    file.write(compressed(end * 1_000_001))
  with pytest.raises(RecordingError, match="more than 1000000 lines"):
    events_in(recording)
  with pytest.raises(RecordingError, match="more than 1000000 lines"):
    verify([recording])


def test_torn_says_where(recording):
  data = recording.read_bytes()
  recording.write_bytes(data[: len(data) // 2])
  with pytest.raises(Torn, match="are no whole frame"):
    list(frames(recording))


def test_rotation_is_read():
  assert read_rotation("1h") == Rotation(seconds=3600)
  assert read_rotation("1h,1GiB") == Rotation(size=1024**3, seconds=3600)
  with pytest.raises(ValueError, match="neither a time"):
    read_rotation("often")


def test_a_missing_file_is_said():
  with pytest.raises(RecordingError, match="No such file"):
    segments_of(Path("/nowhere/btc.jsonl.zst"))


# A disk that fails ------------------------------------------------------------------------------


@contextmanager
def room(size):
  """No file grows beyond so many bytes: a write of more is cut short, and the next one fails."""
  before = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
  try:
    yield
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_segment_that_cannot_begin_leaves_the_one_before(tmp_path):
  path = tmp_path / "btc.jsonl.zst"
  headers = [Header(recording="", name=name) for name in ("a", random.randbytes(4000).hex(), "b")]
  writer = RecordingWriter(path, lambda: headers.pop(0), rotation=Rotation(size=1))
  writer.write([line(1)], [1], [1001])
  # The trailer has room, but not the next header.
  with room(path.stat().st_size + TRAILER_BYTES), pytest.raises(OSError, match="large"):
    writer.write([line(2)], [2], [1002])
  assert segments_of(path) == [path]
  assert events_in(path) == [line(1)]
  writer.write([line(2)], [2], [1002])
  writer.close()
  assert events_in(path) == [line(1), line(2)]
  report = verify(segments_of(path))
  assert report.sound
  assert not report.notes


def test_a_segment_that_cannot_be_closed_is_kept(tmp_path):
  path = tmp_path / "btc.jsonl.zst"
  writer = RecordingWriter(path, described, rotation=Rotation(size=1))
  writer.write([line(1)], [1], [1001])
  with room(path.stat().st_size + 5), pytest.raises(OSError, match="large"):
    writer.write([line(2)], [2], [1002])
  writer.write([line(2)], [2], [1002])
  writer.close()
  assert events_in(path) == [line(1), line(2)]
  report = verify(segments_of(path))
  assert report.sound
  assert "was not closed" in report.notes[0]


def context():
  log = logging.LoggerAdapter(logging.getLogger("bond"))
  return SinkContext("sinks.recording", DataClock(2000), log)


async def test_nothing_is_written_behind_what_the_disk_did_not_take(tmp_path):
  path = tmp_path / "btc.jsonl.zst"
  events = [decode(line(number)) for number in range(1, 400)]
  with pytest.raises(ExceptionGroup):
    async with open_recording_sink(path, context()) as sink:
      await sink.write(events[:10])
      await sink.flush()
      with room(path.stat().st_size + 500):
        await sink.write(events[10:390])
        with pytest.raises(OSError, match="large"):
          await sink.flush()
        # It would fit.
        await sink.write(events[390:391])
        with suppress(OSError):
          await sink.flush()
      raise ValueError
  numbers = [decode(text).seq_internal for text in events_in(path)]
  assert numbers == list(range(1, len(numbers) + 1))


async def test_a_large_batch_becomes_several_frames(tmp_path):
  path = tmp_path / "btc.jsonl.zst"
  events = [Custom(exchange="x", symbol="", event_type="t", data={"text": "a" * 3000})] * 5000
  async with open_recording_sink(path, context()) as sink:
    await sink.write(events)
  assert len(events_in(path)) == 5000
  assert max(len(frame.text) for frame in frames(path)) < 5 * 1024 * 1024


async def test_a_flush_that_is_cancelled_keeps_its_lines(tmp_path):
  path = tmp_path / "btc.jsonl.zst"
  async with open_recording_sink(path, context()) as sink:
    for number in range(1, 21):
      await sink.write([decode(line(number))])
      async with trio.open_nursery() as nursery:
        nursery.start_soon(sink.flush)
        while not sink._writing.locked():
          await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
  assert events_in(path) == [line(number) for number in range(1, 21)]


# Hostile files ----------------------------------------------------------------------------------


def test_a_recording_that_was_altered_is_not_read_as_if_it_were_whole(recording):
  data = bytearray(recording.read_bytes())
  starts = [frame.offset for frame in frames(recording)]
  for at in (starts[2] + 1, starts[2] + 12):
    changed = bytearray(data)
    changed[at] ^= 0xFF
    recording.write_bytes(changed)
    with pytest.raises(RecordingError, match="is damaged from byte"):
      events_in(recording)


@pytest.mark.parametrize("segment", [1, 2])
def test_a_segment_whose_header_was_altered_is_missed(tmp_path, segment):
  path = tmp_path / "btc.jsonl.zst"
  write(path, (20,) * 3, rotation=Rotation(size=1))
  other = tmp_path / f"btc.{segment}.jsonl.zst"
  data = bytearray(other.read_bytes())
  data[10] ^= 0xFF
  other.write_bytes(data)
  with pytest.raises(RecordingError, match=f"segment {segment} of"):
    segments_of(path)
  other.unlink()
  write(other, (20,))
  with pytest.raises(RecordingError, match=f"segment {segment} of"):
    segments_of(path)


@pytest.mark.parametrize("missing", [2, 3])
def test_a_segment_that_is_missing_in_the_middle_is_said(tmp_path, missing):
  path = tmp_path / "btc.jsonl.zst"
  write(path, (20,) * 5, rotation=Rotation(size=1))
  (tmp_path / f"btc.{missing}.jsonl.zst").unlink()
  with pytest.raises(RecordingError, match=rf"is segment {missing + 1}, and .* {missing - 1}:"):
    events_in(path)


def test_a_recorder_that_rotates_while_it_is_read_hides_nothing(tmp_path):
  path = tmp_path / "btc.jsonl.zst"
  write(path, (20, 20), rotation=Rotation(size=1))
  paths = segments_of(path)
  write(path, (20,), first=41)
  with pytest.raises(RecordingError, match="reading again finds it"):
    list(event_lines(paths))


def test_segments_of_another_recording_may_lie_beside_it(tmp_path):
  path = tmp_path / "btc.jsonl.zst"
  write(path, (20,) * 3, rotation=Rotation(size=1))
  path.unlink()
  write(path, (5,), first=100)
  assert events_in(path) == [line(number) for number in range(100, 105)]


def test_a_digest_of_endless_figures_is_none(tmp_path):
  path = tmp_path / "btc.jsonl.zst"
  write(path, (2,))

  def change(frame, lines):
    if frame.offset:
      lines[-1] = lines[-1].replace(b'"frame":1', b'"frame":' + b"1" * 5000)
    return lines

  repacked(path, change)
  assert "the digest of the lines before" in verify([path]).faults[0].message


def test_a_frame_of_very_many_lines_costs_no_search():
  lines = [b"%d" % (number * number) for number in range(20_000)]
  sealed = Sealed(b"", 1, len(lines), sums(lines), b"", None)
  lines[0], lines[-1] = lines[-1], lines[0]
  assert located(lines, sealed) == (None, "lines were altered among these 20000")


def test_a_recording_is_signed_where_all_its_segments_are(tmp_path):
  pem = tmp_path / "key.pem"
  key = Ed25519PrivateKey.generate()
  pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
  path = tmp_path / "btc.jsonl.zst"
  write(path, (5,), signer=read_signer(pem))
  assert verify(segments_of(path)).signed
  write(path, (5,), first=6)
  assert verify(segments_of(path)).sound
  assert not verify(segments_of(path)).signed
