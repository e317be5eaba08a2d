"""No figure of speed or size stands where nothing checks it; those of the design are the code's."""

import re
from pathlib import Path

import pytest
from bond_broker.books import live
from bond_broker.delivery import groups
from bond_filelog import payload, store
from bond_redis import entries

from bond_core._feeds.interest import Interest
from bond_core._feeds.liveness import Rhythm
from bond_core._logs import durable, memory
from bond_core._watchdog import STRIKES
from bond_core._ws import client
from tests.benchmarks.__main__ import BENCHMARKS

ROOT = Path(__file__).parents[2]
DECISIONS = sorted(ROOT.glob("docs/decisions/*.md"))
MIB = 1024 * 1024
PATIENCE = memory.MemoryLog.__init__.__kwdefaults__["patience"]

MEASURED = re.compile(
  r"\d\s*(?:µs|us|ns)\b"  # a cost
  r"|\d\s*(?:events|messages|trades|deliveries|requests|updates|frames|records)?/s\b"  # a rate
  r"|\d\s*(?:events|messages|trades|deliveries|requests|updates) (?:a|per) second"
  r"|\d\s*(?:MB|GB|kB)\b|\d\s*bytes an? \w+"  # a size that was measured
  r"|\d\s*%"
)
DESIGN = [
  ("0005-websockets.md", f"up to {client.READ_BYTES // 1024} KiB into payloads"),
  ("0008-interest.md", f"a grace period ({Interest().grace:.0f} s)"),
  ("0009-log.md", f"waits {PATIENCE:.0f} s for a reader"),
  ("0009-log.md", f"({memory.EVENT_BYTES} bytes an event, {memory.LEVEL_BYTES} a level)"),
  ("0009-log.md", f"gathers for {durable.GATHER * 1000:.0f} ms"),
  ("0010-transforms-are-calls.md", f"stops it at the {('', '', '', 'third')[STRIKES]} time"),
  ("0013-liveness.md", f"Up to {Rhythm.FACTOR:.0f} times that"),
  ("0013-liveness.md", f"at least {Rhythm.FLOOR:.0f} s; before {Rhythm.KNOWN_AFTER} messages"),
  ("0013-liveness.md", f"at least {Rhythm.UNKNOWN / 60:.0f} min"),
  ("0017-file-log.md", f"at 1/{store.PARTS_OF_SIZE} of the log's size"),
  ("0017-file-log.md", f"({store.LARGEST // MIB} MiB for 1 GiB)"),
  ("0017-file-log.md", f"1/{store.PARTS_OF_TIME} of its time"),
  ("0017-file-log.md", f"a record holds {payload.RECORD_EVENTS} events at most"),
  ("0018-redis.md", f"the market has {entries.MARKET_ENTRY}."),
  ("0020-pump.md", f"({groups.REMEMBERED_BYTES // MIB} MiB for all groups"),
  ("0020-pump.md", f"at most {groups.REMEMBERED_SECONDS:.0f} s of them"),
  ("0020-pump.md", f"at most every {live.CHECKPOINT_AFTER:.0f} s"),
  ("0021-servers.md", f"({durable.FASTEST:,} numbers a millisecond)"),
]


@pytest.mark.parametrize(("page", "phrase"), DESIGN, ids=lambda value: value[:40])
def test_a_bound_in_a_decision_is_the_codes(page, phrase):
  text = (ROOT / "docs" / "decisions" / page).read_text(encoding="utf-8")
  assert phrase in re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_no_measured_figure(path):
  text = path.read_text(encoding="utf-8")
  for _, phrase in (found for found in DESIGN if found[0] == path.name):
    text = re.sub(re.escape(phrase).replace(r"\ ", r"\s+"), "", text)
  assert MEASURED.findall(text) == []


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_row_of_the_benchmarks_that_a_decision_names_is_printed(path):
  text = re.sub(r"\s+", " ", path.read_text(encoding="utf-8"))
  around = [
    text[max(0, found.start() - 160) : found.end() + 160]
    for found in re.finditer("tox -e bench", text)
  ]
  said = {word for place in around for word in re.findall(r"\b(?:[SR]\d|[A-Z]{3,})\b", place)}
  rows = said & BENCHMARKS.keys()
  assert not around or rows or path.name in ("README.md", "0032-figures.md")
  assert {word for word in said - rows if re.fullmatch(r"[SR]\d", word)} == set()


def test_a_measured_figure_would_be_found():
  for text in (
    "0.24 µs",
    "89,000 messages/s",
    "20,000 events a second",
    "58 bytes an event",
    "5 %",
  ):
    assert MEASURED.search(text)
  for text in ("256 KiB", "10 s", "1/64", "20 ms"):
    assert not MEASURED.search(text)
