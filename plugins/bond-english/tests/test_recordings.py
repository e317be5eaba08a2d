"""Requests to record, and to play a recording: the command that does it."""

import pytest
from bond_english import parsing
from bond_english.parsing import parse
from installed import WORDS


@pytest.mark.parametrize(
  ("text", "request_", "options"),
  [
    (
      "record BTC trades on binance to btc.jsonl.zst for an hour",
      "BTC trades on binance",
      "-o btc.jsonl.zst --duration 1h",
    ),
    (
      "please record ETH order book on okx for 30 minutes to out/eth.jsonl",
      "ETH order book on okx",
      "-o out/eth.jsonl.zst --duration 30m",
    ),
    (
      "save btc trades into 'x.jsonl.zst' for half an hour",
      "btc trades",
      "-o x.jsonl.zst --duration 0.5h",
    ),
    ("record BTC trades", "BTC trades", ""),
    ("record BTC trades for two hours", "BTC trades", "--duration 2h"),
    ("record BTC trades for 1.5 hours please", "BTC trades", "--duration 1.5h"),
    ("record BTC trades for half a second", "BTC trades", "--duration 0.5s"),
  ],
)
def test_a_request_to_record_is_answered_with_the_command(text, request_, options):
  reading = parse(text, WORDS)
  assert (reading.outcome, reading.spec) == ("ask", None)
  (question,) = reading.questions
  assert question.endswith(f"bond record '{request_}' {options}".rstrip())
  assert reading.offers == [{"question": question, "request": request_}]
  assert parse(request_, WORDS).outcome == "ok"
  assert "".join(e["text"] for e in reading.account).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
  ("text", "command"),
  [
    ("replay btc.jsonl.zst at 10x", "bond replay btc.jsonl.zst --speed 10"),
    ("Replay btc.jsonl.zst", "bond replay btc.jsonl.zst"),
    (
      "play back data/btc.jsonl.zst as fast as possible",
      "bond replay data/btc.jsonl.zst --speed max",
    ),
    ("please replay a;b.jsonl.zst 2 times", "bond replay 'a;b.jsonl.zst' --speed 2"),
  ],
)
def test_a_request_to_play_a_recording_is_answered_with_the_command(text, command):
  reading = parse(text, WORDS)
  assert (reading.outcome, reading.spec) == ("reject", None)
  assert reading.questions == [f"A recording is played by a command of its own: {command}"]


@pytest.mark.parametrize("text", ["replay yesterday", "BTC trades of last week"])
def test_the_past_is_rejected_with_the_commands_that_have_it(text):
  reading = parse(text, WORDS)
  assert reading.outcome == "reject"
  assert "bond replay FILE" in reading.questions[0]


@pytest.mark.parametrize(
  "text", ["record dominance of BTC", "record BTC", "BTC record price", "a record of BTC trades"]
)
def test_what_is_no_request_to_record_is_read_as_any_other(text):
  assert not any("command of its own" in question for question in parse(text, WORDS).questions)


def test_a_verb_that_is_said_again_and_again_is_not_read_each_time(monkeypatch):
  read, best_ways = [], parsing.best_ways
  monkeypatch.setattr(parsing, "best_ways", lambda *given: read.append(1) or best_ways(*given))
  parse("save " * 80 + "BTC flurbs and dominance trades", WORDS)
  assert len(read) < 80
