"""`bond explain`, and requests in the place of a spec, as users run them."""

import json
import subprocess
import sys

import yaml

BOND = [sys.executable, "-m", "bond_core"]


def bond(*arguments, **options):
  return subprocess.run(
    [*BOND, *arguments], capture_output=True, text=True, timeout=120, check=False, **options
  )


def test_it_is_listed_and_helps():
  assert "explain" in bond("--help").stdout
  assert 'bond explain "BTC price' in bond("explain", "--help").stdout


def test_it_shows_the_account_and_a_spec_that_can_be_saved(tmp_path):
  done = bond("explain", "btc pirce on binance every 5s, not tweets")
  assert done.returncode == 0
  assert "warn:\n  price, BTC/USDT, binance spot, a row every 5 s\n" in done.stdout
  assert "pirce                    source price (corrected)" in done.stdout
  assert "tweets                   left out tweets" in done.stdout
  text = done.stdout[done.stdout.index("sources:") :]
  assert yaml.safe_load(text)["transforms"]["window"]["with"]["every"] == 5
  spec = tmp_path / "saved.yaml"
  spec.write_text(text)
  assert bond("check", str(spec)).returncode == 0


def test_what_has_to_be_asked_is_asked_with_exit_code_2():
  done = bond("explain", "BTC price and dominance")
  assert done.returncode == 2
  assert "dominance                NOT UNDERSTOOD" in done.stdout
  assert "'dominance' is not understood" in done.stdout


def test_json_has_the_parts_of_the_request():
  answer = json.loads(bond("explain", "--json", "eth", "trades", "over", "$1m on binance").stdout)
  expected = {
    "symbols": ["ETH"],
    "sources": ["trades"],
    "exchanges": ["binance"],
    "interval_sec": None,
    "filters": {"min_notional_usd": 1_000_000},
    "outcome": "ok",
    "unknown": [],
    "questions": [],
    "missing": [],
    "problems": [],
    "parser": "english.grammar",
  }
  assert {key: answer[key] for key in expected} == expected
  assert answer["spec"]["sources"]["binance-trades"]["use"] == "binance.trades"
  assert {entry["slot"] for entry in answer["account"]} >= {
    "symbol",
    "source",
    "filter",
    "exchange",
  }


def test_it_answers_each_line_with_a_line():
  lines = ["BTC price every 5s", "", "буй", "buy 1 BTC", "BTC prince"]
  done = bond("explain", "--json", "-", input="\n".join(lines) + "\n")
  assert done.returncode == 0
  answers = [json.loads(line) for line in done.stdout.splitlines()]
  assert [answer["text"] for answer in answers] == lines
  assert [answer["outcome"] for answer in answers] == ["ok", "reject", "ask", "reject", "ask"]


def test_a_request_runs_where_a_spec_stands():
  done = bond("run", "BTC price on binance, twice a second", "--sim", "--json", "--duration", "2s")
  assert done.returncode == 0, done.stderr
  assert "ok:\n  price, BTC/USDT, binance spot, a row every 500 ms\n" in done.stderr
  windows = [json.loads(line) for line in done.stdout.splitlines()]
  assert {window["type"] for window in windows} == {"window"}
  assert any(window["price_avg"] for window in windows)


def test_a_request_that_has_to_be_asked_about_never_runs():
  done = bond("run", "BTC prince every 1s", "--sim", "--duration", "1s")
  assert done.returncode == 2
  assert done.stdout == ""
  assert "did you mean 'price'?" in done.stderr


def test_what_is_not_installed_is_named_and_nothing_runs():
  done = bond("run", "BTC price + google trends every 5s", "--sim", "--duration", "1s")
  assert done.returncode == 2
  assert "Google Trends: no package is known that offers this" in done.stderr


def test_a_misspelt_file_is_no_request_without_saying_so():
  done = bond("run", "pulze")
  assert done.returncode == 2
  assert "there is no file 'pulze'; read as a request:" in done.stderr
