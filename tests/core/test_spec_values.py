"""Durations, sizes and references to secrets."""

import copy
import pickle
import traceback

import pytest
from hypothesis import given, strategies as st

from bond_core import AuthError
from bond_core._spec.values import Duration, Secret, Size, parse_duration, parse_size

CANARY = "hunter2-canary"


@pytest.mark.parametrize(
  ("text", "seconds"),
  [
    ("5s", 5.0),
    ("250ms", 0.25),
    ("2m", 120.0),
    ("1h", 3600.0),
    ("1d", 86400.0),
    ("1.5s", 1.5),
    ("0.3s", 0.3),
    ("300ms", 0.3),
    ("1.7m", 102.0),
    ("5", 5.0),
    (" 5 s ", 5.0),
    ("0s", 0.0),
    ("366d", 366 * 86400.0),
    (5, 5.0),
    (0.25, 0.25),
    (0, 0.0),
  ],
)
def test_durations(text, seconds):
  duration = parse_duration(text)
  assert type(duration) is Duration
  assert duration == seconds


@pytest.mark.parametrize(
  "text",
  [
    *("", "s", "5 sec", "5S", "-5s", "1h30m", "5,5s", "1e3s", "0x5s", "٥s", "inf", "nan", "5s\n5s"),
    *("1.1234567890s", "x" * 1000, -1, -0.1, float("nan"), float("-inf")),
  ],
)
def test_what_is_no_duration_is_refused_with_the_forms(text):
  with pytest.raises(ValueError, match="is not a duration; write 250ms, 5s, 2m, 1h, 1d") as caught:
    parse_duration(text)
  assert len(str(caught.value)) < 150


@pytest.mark.parametrize("text", ["367d", "9999999999s", 1e300, float("inf")])
def test_durations_are_bounded(text):
  with pytest.raises(ValueError, match="longer than 366 days"):
    parse_duration(text)


@pytest.mark.parametrize(
  ("seconds", "text"),
  [(5, "5s"), (0.25, "250ms"), (120, "2m"), (90, "90s"), (86400, "1d"), (0, "0s"), (1.5, "1500ms")],
)
def test_a_duration_prints_as_it_is_written(seconds, text):
  assert str(Duration(seconds)) == text
  assert f"{Duration(seconds)}" == text


@given(st.integers(0, 366 * 86400 * 1000))
def test_a_duration_reads_what_it_prints(milliseconds):
  duration = parse_duration(f"{milliseconds}ms")
  assert parse_duration(str(duration)) == duration == milliseconds / 1000


@pytest.mark.parametrize(
  ("text", "size"),
  [
    ("64MiB", 64 * 1024**2),
    ("1GiB", 1024**3),
    ("500kB", 500_000),
    ("500KB", 500_000),
    ("1kib", 1024),
    ("1.5KiB", 1536),
    ("100B", 100),
    ("100", 100),
    ("1024TiB", 1 << 50),
    ("9007199254740B", 9007199254740),
    (12, 12),
    (0, 0),
  ],
)
def test_sizes(text, size):
  parsed = parse_size(text)
  assert type(parsed) is Size
  assert parsed == size


@pytest.mark.parametrize("text", ["", "MiB", "64M", "64 megs", "-1MiB", "1e3", "0x1", -1])
def test_what_is_no_size_is_refused_with_the_forms(text):
  with pytest.raises(ValueError, match="is not a size; write 500kB, 64MiB, 1GiB"):
    parse_size(text)


def test_sizes_are_bounded_and_whole():
  with pytest.raises(ValueError, match="more than 1024TiB"):
    parse_size("1025TiB")
  with pytest.raises(ValueError, match="not a whole number of bytes"):
    parse_size("0.5B")


@given(st.integers(0, 1 << 50))
def test_a_size_reads_what_it_prints(size):
  assert parse_size(str(Size(size))) == size


def test_a_secret_is_read_from_the_environment_when_it_is_needed(monkeypatch):
  secret = Secret("BOND_TEST_SECRET")
  monkeypatch.setenv("BOND_TEST_SECRET", CANARY)
  assert secret.reveal() == CANARY
  monkeypatch.setenv("BOND_TEST_SECRET", "rotated")
  assert secret.reveal() == "rotated"


def test_a_missing_secret_is_reported_by_its_name(monkeypatch):
  monkeypatch.delenv("BOND_TEST_SECRET", raising=False)
  with pytest.raises(AuthError, match="the secret BOND_TEST_SECRET is not in the environment"):
    Secret("BOND_TEST_SECRET").reveal()


def test_a_secret_is_read_from_a_file(tmp_path):
  path = tmp_path / "bearer"
  path.write_text(f"{CANARY}\r\n")
  assert Secret(file=str(path)).reveal() == CANARY


@pytest.mark.parametrize(
  ("content", "message"),
  [
    (b"", "is empty"),
    (b"\n", "is empty"),
    (CANARY.encode() + b"\xff", "is not UTF-8 text"),
    (CANARY.encode() * 10_000, "is longer than 64 KiB"),
  ],
)
def test_a_file_that_holds_no_secret_is_reported_without_its_content(tmp_path, content, message):
  path = tmp_path / "bearer"
  path.write_bytes(content)
  with pytest.raises(AuthError, match=message) as caught:
    Secret(file=str(path)).reveal()
  assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_a_file_that_cannot_be_read_is_reported(tmp_path):
  with pytest.raises(AuthError, match=r"cannot read the secret's file .*: No such file"):
    Secret(file=str(tmp_path / "none")).reveal()
  with pytest.raises(AuthError, match="cannot read the secret's file"):
    Secret(file=str(tmp_path)).reveal()


def test_a_secret_never_prints_what_it_refers_to(monkeypatch):
  monkeypatch.setenv("BOND_TEST_SECRET", CANARY)
  secret = Secret("BOND_TEST_SECRET")
  secret.reveal()
  shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", repr([secret])]
  shown += [format(secret), ascii(secret)]
  shown += [repr(secret.reference()), repr(pickle.dumps(secret)), repr(copy.deepcopy(secret))]
  assert CANARY not in "".join(shown)
  assert all("BOND_TEST_SECRET" in text for text in shown)


def test_references_to_one_place_are_equal():
  assert Secret("A") == Secret("A") == pickle.loads(pickle.dumps(Secret("A")))
  assert Secret("A") != Secret("B")
  assert Secret("A") != Secret(file="A")
  assert Secret("A") != "A"
  assert len({Secret("A"), Secret("A"), Secret(file="A")}) == 2
  assert repr(Secret(file="a")) == "Secret(file='a')"


def test_a_secret_cannot_be_changed_into_another():
  secret = Secret("A")
  with pytest.raises(AttributeError):
    secret.env = "B"
  with pytest.raises(AttributeError):
    del secret.env


@pytest.mark.parametrize(
  "options", [{}, {"env": "A", "file": "b"}, {"env": CANARY}, {"env": ""}, {"file": ""}]
)
def test_what_refers_to_nothing_is_refused_without_repeating_it(options):
  with pytest.raises(ValueError, match=r"secret|environment") as caught:
    Secret(**options)
  assert CANARY not in str(caught.value)
