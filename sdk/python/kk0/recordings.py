"""Recordings as data frames, and as time that only you move.

`frame` loads one type of event from a recording, a folder of Parquet or a running server. `Locked`
is a recording at a moment: what was received later cannot be read. `walk` goes through a recording
in folds of training and test.
"""

import hashlib
import io
import json
import re
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from itertools import islice
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints
from urllib.parse import urlencode, urlsplit, urlunsplit

from kk0 import events
from kk0.errors import StreamError

Library = Literal["polars", "pandas"]

_TABLES = {
  "trades": "trade",
  "orderbooks": "orderbook",
  "tickers": "ticker",
  "liquidations": "liquidation",
  "candles": "candle",
  "posts": "post",
  "windows": "window",
  "gaps": "gap",
}
_RECEIVED = re.compile(rb'"ts_event":(\d+)')
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_PIECE = 4 * 1024 * 1024
_META = (b'{"type":"recording"', b'{"type":"digest"', b'{"type":"frame"')


class LookAhead(StreamError):
  """Something was requested that was received after the time of a Locked."""


class Fold(NamedTuple):
  """One step of a walk: what there was to learn from, and what came after it. `test` is a frame, or
  a Locked that stands at the beginning of the test. Times are epoch ms."""

  train: Any
  test: Any
  train_from: int
  train_until: int
  test_from: int
  test_until: int


def frame(
  source: str | Path,
  table: str = "trades",
  *,
  since: str | float | None = None,
  until: str | float | None = None,
  symbols: str | Sequence[str] | None = None,
  library: Library | None = None,
) -> Any:
  """The events of one type as a DataFrame of polars, or of pandas where that is what is installed.

  `source` is a recording, a folder that `bond export --to parquet` wrote, or the URL of a server.
  Columns have their types from the type of event, whatever is null. `since` and `until` are times
  of receipt: epoch seconds, RFC 3339, or +5m from the beginning of a recording. Raises StreamError
  where there is nothing to read, and ImportError where neither library is installed.
  """
  library = _library(library)
  kind = _kind(table)
  symbols = [symbols] if isinstance(symbols, str) else symbols
  text = str(source)
  if re.match(r"(ws|http)s?://", text):
    lines = _of_server(text, kind, since, until)
  elif Path(text).is_dir():
    return _of_parquet(Path(text), kind, since, until, symbols, library)
  else:
    lines = _of_recording(Path(text), kind, since, until)
  if symbols is not None:
    wanted = set(symbols)
    lines = [line for line in lines if json.loads(line).get("symbol") in wanted]
  return _framed(lines, kind, library)


class Locked:
  """A recording at a moment, `now_ms`: everything that was received by then can be read, and
  nothing else. `advance` moves it; it does not go back.

  `decide` notes what was decided before what came of it may be read: an entry has the time, how
  many events were known, and the SHA-256 of the entry before.
  """

  def __init__(self, source: "str | Path | _Recording", *, at: str | float | None = None) -> None:
    self._recording = source if isinstance(source, _Recording) else _Recording(Path(source))
    begin = self._recording.begin
    self.now_ms = begin - 1 if at is None else _moment(at, begin)
    self.decisions: list[dict[str, Any]] = []

  def advance(self, to: str | float = "next") -> list[dict[str, Any]]:
    """Moves the time: to the next moment at which anything was received, by a duration (+5s), or to
    a time. Returns what came. Raises ValueError for a time before now."""
    times = self._recording.times
    known = bisect_right(times, self.now_ms)
    if to == "next":
      if known == len(times):
        return []
      target = times[known]
    else:
      target = times[-1] if to == "end" and times else _moment(to, self.now_ms)
    if target < self.now_ms:
      raise ValueError("locked time does not go back, or what was known would be forgotten")
    self.now_ms = target
    reached = bisect_right(times, target)
    return [json.loads(line) for line in self._recording.all_lines[known:reached]]

  def frame(
    self,
    table: str = "trades",
    *,
    since: str | float | None = None,
    until: str | float | None = None,
    library: Library | None = None,
  ) -> Any:
    """What is known of one type of event. Raises LookAhead where `since` or `until` is later than
    now."""
    begin = self._recording.begin
    for given in (since, until):
      if given is not None and _moment(given, begin) > self.now_ms:
        raise LookAhead(
          f"{given} was received after the time of this Locked, {_shown(self.now_ms)}"
        )
    end = self.now_ms + 1 if until is None else _moment(until, begin)
    kind = _kind(table)
    lines = self._recording.between(
      kind, None if since is None else _moment(since, begin), min(end, self.now_ms + 1)
    )
    return _framed(lines, kind, _library(library))

  def decide(self, decision: Any) -> dict[str, Any]:
    """Appends a decision, which JSON can say, to `decisions`."""
    before = self.decisions[-1]["sha256"] if self.decisions else ""
    entry = {
      "number": len(self.decisions) + 1,
      "decision": decision,
      "now_ms": self.now_ms,
      "known": bisect_right(self._recording.times, self.now_ms),
      "before": before,
    }
    entry["sha256"] = hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()
    self.decisions.append(entry)
    return entry


def walk(
  source: str | Path,
  table: str = "trades",
  *,
  train: str,
  test: str,
  step: str | None = None,
  purge: str = "0s",
  locked: bool = False,
  library: Library | None = None,
) -> Iterator[Fold]:
  """Goes through a recording: each fold trains on `train`, leaves out `purge`, and tests on `test`;
  the next begins `step` later (default: `test`). With `locked` the test is a Locked, so that a
  strategy can only ask for what it could have known."""
  library = None if locked and library is None else _library(library)
  recording = _Recording(Path(source))
  kind = _kind(table)
  lengths = [_span(text) for text in (train, purge, test, step or test)]
  training, left_out, testing, stepping = lengths
  if training <= 0 or testing <= 0 or stepping <= 0:
    raise ValueError("train, test and step are longer than nothing")
  begin, end = recording.begin, recording.end
  if begin + training + left_out + testing > end + 1:
    raise ValueError(f"a fold is longer than {source}, which has {(end - begin) / 1000:g} s")
  while begin + training + left_out + testing <= end + 1:
    middle = begin + training
    first = middle + left_out
    rows = recording.between(kind, begin, middle)
    held: Any
    if locked:
      held = Locked(recording, at=first / 1000)
      held.now_ms = first - 1
    else:
      held = _framed(recording.between(kind, first, first + testing), kind, _library(library))
    yield Fold(_framed(rows, kind, _library(library)), held, begin, middle, first, first + testing)
    begin += stepping


# Reading ------------------------------------------------------------------------------------------


class _Recording:
  """The events of a recording in memory, by their times of receipt, which never go back."""

  def __init__(self, path: Path) -> None:
    self.all_lines: list[bytes] = []
    self.times: list[int] = []
    now = 0
    for line in _lines(path):
      found = _RECEIVED.search(line)
      if found is not None:
        now = max(now, int(found[1]))
      self.all_lines.append(line)
      self.times.append(now)
    self.begin = next((time for time in self.times if time), 0)
    self.end = self.times[-1] if self.times else 0

  def between(self, kind: str, since: int | None, until: int | None) -> list[bytes]:
    """The lines of a type that were received from `since` on and before `until`."""
    first = 0 if since is None else bisect_left(self.times, since)
    last = len(self.times) if until is None else bisect_left(self.times, until)
    start = f'{{"type":"{kind}",'.encode()
    return [line for line in islice(self.all_lines, first, last) if line.startswith(start)]


def _lines(path: Path) -> Iterator[bytes]:
  """The events up to the last whole frame of each segment."""
  before: tuple[Path, dict[str, Any]] | None = None
  for segment in _segments(path):
    try:
      with _opened(segment) as file:
        first = file.readline(_PIECE)
        sealed = first.startswith(_META[0])
        if sealed:
          header = json.loads(first)
          _check_header(before, segment, header)
          before = segment, header
        elif first and not first.startswith(b'{"type":"'):
          raise StreamError(f"{segment} is no recording; bond record writes one")
        held: list[bytes] = []
        rest = b"" if sealed else first
        while data := file.read1(_PIECE):
          lines = (rest + data).split(b"\n")
          rest = lines.pop()
          for line in lines:
            if line.startswith(_META[1]):
              yield from held
              held = []
            elif line and not line.startswith(_META):
              held.append(line)
          if not sealed:
            yield from held
            held = []
        if not sealed and rest.endswith((b"}", b"}\n")):
          yield rest.rstrip()
    except EOFError:
      # Its recorder was killed: it is whole up to here.
      continue
    except OSError as exc:
      raise StreamError(f"cannot read the recording {segment}: {exc.strerror or exc}") from exc
    except _damage(segment) as exc:
      raise StreamError(f"{segment} is damaged: {exc}; bond verify says where") from exc


def _damage(path: Path) -> type[Exception]:
  """What reading a file raises that is packed, and was altered."""
  error: type[Exception] = _zstd().ZstdError if path.suffix == ".zst" else zlib.error
  return error


def _check_header(
  before: tuple[Path, dict[str, Any]] | None, path: Path, header: dict[str, Any]
) -> None:
  """Raises StreamError for a format that is not known, and for a segment whose predecessor is not
  there."""
  if header.get("format") != 1:
    raise StreamError(
      f"{path} is of format {header.get('format')}, which a newer kk0 reads: "
      "pip install --upgrade kk0"
    )
  if before is not None and header["segment"] != before[1]["segment"] + 1:
    raise StreamError(
      f"{path} is segment {header['segment']}, and {before[0]} is segment {before[1]['segment']}: "
      "what lies between is missing, or was recorded while this was read"
    )


def _segments(path: Path) -> list[Path]:
  """The earlier segments beside a recording, and itself."""
  suffix = ".jsonl.zst" if path.name.endswith(".jsonl.zst") else path.suffix
  base = path.name.removesuffix(suffix)
  earlier: dict[int, Path] = {}
  if suffix.endswith(".zst") and path.parent.is_dir():
    for other in path.parent.iterdir():
      middle = other.name.removeprefix(f"{base}.").removesuffix(suffix)
      if other.name == f"{base}.{middle}{suffix}" and middle.isdecimal():
        earlier[int(middle)] = other
  if not earlier:
    return [path]
  own = _id_of(path)
  return [*(earlier[n] for n in sorted(earlier) if _id_of(earlier[n]) == own), path]


def _id_of(path: Path) -> str | None:
  """Which recording a segment is of: older files beside it may be of another one."""
  try:
    with _opened(path) as file:
      line = file.readline(_PIECE)
  except EOFError:
    return None
  except OSError as exc:
    raise StreamError(f"cannot read the recording {path}: {exc.strerror or exc}") from exc
  return json.loads(line).get("recording") if line.startswith(_META[0]) else None


def _opened(path: Path) -> Any:
  if path.suffix == ".zst":
    return _zstd().open(path, "rb")
  if path.suffix == ".gz":
    import gzip

    return gzip.open(path, "rb")
  return path.open("rb")


def _zstd() -> Any:
  for name in ("compression.zstd", "backports.zstd"):
    try:
      return import_module(name)
    except ImportError:
      continue
  raise ImportError("recordings in zstd need: pip install 'kk0[frames]'")


def _between(
  since: str | float | None, until: str | float | None, begin: int | None
) -> tuple[int | None, int | None]:
  """Times as users write them, in epoch ms; `begin` is what + counts from. Raises ValueError where
  nothing can lie between them."""
  times = [None if text is None else _moment(text, begin) for text in (since, until)]
  first, last = times
  if first is not None and last is not None and first >= last:
    raise ValueError(f"until {until} is not after since {since}: nothing lies between")
  return first, last


def _of_recording(
  path: Path, kind: str, since: str | float | None, until: str | float | None
) -> list[bytes]:
  if since is not None or until is not None:
    recording = _Recording(path)
    return recording.between(kind, *_between(since, until, recording.begin))
  start = f'{{"type":"{kind}",'.encode()
  return [line for line in _lines(path) if line.startswith(start)]


def _of_server(
  url: str, kind: str, since: str | float | None, until: str | float | None
) -> list[bytes]:
  """What the log of a server has, up to where a reader would be live."""
  from websockets.exceptions import WebSocketException
  from websockets.sync.client import connect

  parts = urlsplit(url)
  scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
  path = parts.path if parts.path.rstrip("/") else "/raw"
  start = "0" if since is None else str(since)
  query = "&".join(filter(None, (parts.query, urlencode({"from": start}))))
  end = None if until is None else _moment(until, None)
  prefix = f'{{"type":"{kind}",'
  found: list[bytes] = []
  try:
    with connect(urlunsplit((scheme, parts.netloc, path, query, "")), max_size=None) as socket:
      for message in socket:
        text = message if isinstance(message, str) else message.decode()
        if text.startswith('{"type":"live"'):
          break
        if text.startswith('{"type":"error"'):
          said = json.loads(text)
          error = LookAhead if said.get("name") == "look_ahead" else StreamError
          raise error(said["message"])
        if text.startswith(prefix):
          line = text.encode()
          received = _RECEIVED.search(line)
          if end is None or received is None or int(received[1]) < end:
            found.append(line)
  except (OSError, WebSocketException) as exc:
    raise StreamError(f"cannot read {scheme}://{parts.netloc.rpartition('@')[2]}: {exc}") from exc
  return found


def _beginning(folder: Path) -> int | None:
  """When the first event of an export was received; None where its manifest is not there."""
  try:
    tables = json.loads((folder / "_manifest.json").read_bytes())["tables"].values()
  except (OSError, ValueError, KeyError):
    return None
  return min((first for table in tables if (first := table["first_ts"])), default=None)


def _of_parquet(
  folder: Path,
  kind: str,
  since: str | float | None,
  until: str | float | None,
  symbols: Sequence[str] | None,
  library: Library,
) -> Any:
  table = next((name for name, of in _TABLES.items() if of == kind), kind)
  files = sorted((folder / table).rglob("*.parquet"))
  if not files:
    there = sorted({path.relative_to(folder).parts[0] for path in folder.rglob("*.parquet")})
    known = f"it has {', '.join(there)}" if there else "bond export --to parquet writes some"
    raise StreamError(f"{folder} has no table {table}; {known}")
  first, last = _between(since, until, _beginning(folder))
  if kind == "window" and (first, last) != (None, None):
    raise StreamError(
      "windows in Parquet have no time of receipt; read the recording, or choose by window_end"
    )
  if library == "polars":
    import polars

    found = polars.read_parquet(files, hive_partitioning=False)
    if "ts_event" in found.columns:
      found = found.sort("ts_event", maintain_order=True)
      found = found if first is None else found.filter(polars.col("ts_event") >= first)
      found = found if last is None else found.filter(polars.col("ts_event") < last)
    return found if symbols is None else found.filter(polars.col("symbol").is_in(list(symbols)))
  pandas = import_module("pandas")
  rows = pandas.concat([pandas.read_parquet(file) for file in files], ignore_index=True)
  if "ts_event" in rows:
    rows = rows.sort_values("ts_event", kind="stable", ignore_index=True)
    rows = rows if first is None else rows[rows["ts_event"] >= first]
    rows = rows if last is None else rows[rows["ts_event"] < last]
  return rows if symbols is None else rows[rows["symbol"].isin(list(symbols))]


# Frames -------------------------------------------------------------------------------------------


def _library(named: Library | None) -> Library:
  wanted: tuple[Library, ...] = ("polars", "pandas") if named is None else (named,)
  for library in wanted:
    try:
      __import__(library)
    except ImportError:
      continue
    return library
  raise ImportError("frames need polars or pandas: pip install 'kk0[frames]'")


def _framed(lines: Sequence[bytes], kind: str, library: Library) -> Any:
  columns = columns_of(kind)
  if library == "polars":
    return _polars(lines, columns)
  pandas = import_module("pandas")
  rows = [_row(json.loads(line), columns) for line in lines]
  found = pandas.DataFrame(rows, columns=list(columns))
  types = {
    "integer": "Int64",
    "number": "float64",
    "truth": "boolean",
    "text": "string",
    "json": "string",
  }
  return found.astype({name: types[of] for name, of in columns.items() if of in types})


def _polars(lines: Sequence[bytes], columns: dict[str, str]) -> Any:
  import polars

  types: dict[str, Any] = {
    "text": polars.String,
    "integer": polars.Int64,
    "number": polars.Float64,
    "truth": polars.Boolean,
    "levels": polars.List(polars.List(polars.Float64)),
    "json": polars.String,
  }
  schema = {name: types[of] for name, of in columns.items()}
  plain = {name: of for name, of in schema.items() if columns[name] != "json"}
  if lines and len(plain) == len(schema):
    return polars.read_ndjson(io.BytesIO(b"\n".join(lines)), schema=schema)
  rows = [_row(json.loads(line), columns) for line in lines]
  return polars.DataFrame(rows, schema=schema, orient="row")


def _row(event: dict[str, Any], columns: dict[str, str]) -> list[Any]:
  return [
    json.dumps(value)
    if of == "json" and (value := event.get(name)) is not None
    else event.get(name)
    for name, of in columns.items()
  ]


def columns_of(kind: str) -> dict[str, str]:
  """The columns of a type of event with their kinds: text, integer, number, truth, levels, json."""
  for value in vars(events).values():
    if not isinstance(value, type) or not hasattr(value, "__total__"):
      continue
    hints = get_type_hints(value)
    # That of a consolidated book is another one on a stream that mixes both.
    own = get_args(hints.get("type"))[:1]
    if own == (kind,) or (kind == "window" and value.__name__ == "Window"):
      return {name: _of(hint) for name, hint in hints.items() if name not in ("type", "raw")}
  raise ValueError(f"there is no type of event {kind!r}")


def _of(hint: Any) -> str:
  origin = get_origin(hint)
  if origin in (Union, UnionType):
    kinds = {_of(part) for part in get_args(hint) if part is not type(None)}
    return kinds.pop() if len(kinds) == 1 else "json"
  if origin is Literal:
    return "text"
  if origin is list and get_args(hint) == (list[float],):
    return "levels"
  return {str: "text", int: "integer", float: "number", bool: "truth"}.get(hint, "json")


# Times --------------------------------------------------------------------------------------------


def _kind(table: str) -> str:
  return _TABLES.get(table, table)


def _span(text: str) -> int:
  found = _SPAN.fullmatch(text)
  if found is None:
    raise ValueError(f"{text!r} is no duration; write 250ms, 5s, 10m, 6h or 1d")
  return round(float(found[1]) * _MS[found[2]])


def _moment(value: str | float, begin_ms: int | None) -> int:
  if isinstance(value, int | float):
    return round(value * 1000)
  if value.startswith("+"):
    if begin_ms is None:
      raise ValueError(f"{value!r} is from the beginning of a recording; write the time itself")
    return begin_ms + _span(value[1:])
  try:
    return round(float(value) * 1000)
  except ValueError:
    pass
  try:
    found = datetime.fromisoformat(value)
  except ValueError:
    raise ValueError(
      f"{value!r} is no time; write epoch seconds, 2026-11-30T12:00:00Z, or +5m"
    ) from None
  return round(found.replace(tzinfo=found.tzinfo or UTC).timestamp() * 1000)


def _shown(ms: int) -> str:
  return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
