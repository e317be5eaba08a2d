"""The short form of specs: what it stands for, and what is refused."""

import gc
import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from bond_core import Registry, SpecError
from bond_core.specs import canonical, load_spec, stream_id

REGISTRY = Registry()
WITHIN_MS = 50
WRONG = sorted((Path(__file__).parent / "wrong").glob("*.yaml"))


@pytest.fixture(scope="module", autouse=True)
def _warm():
  REGISTRY.plugins()


def load(text):
  return load_spec(text, registry=REGISTRY)


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_short_spec_is_refused_with_exactly_these_words(path):
  with pytest.raises(SpecError) as caught:
    load_spec(path.read_bytes(), file=path.name, registry=REGISTRY)
  assert f"{caught.value}\n" == path.with_suffix(".expected").read_text(encoding="utf-8")


def test_the_table_of_wrong_specs_is_whole():
  assert len(WRONG) >= 7
  assert {path.stem for path in WRONG[0].parent.glob("*.expected")} == {p.stem for p in WRONG}


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_every_caret_is_under_what_the_line_and_column_say(path):
  lines = path.read_text(encoding="utf-8").splitlines()
  with pytest.raises(SpecError) as caught:
    load(path.read_bytes())
  for problem in caught.value.problems:
    assert 1 <= problem.line <= len(lines)
    assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
    assert "\n" not in problem.message


SHORT = """\
{"sources":[{"type":"ccxt","symbols":["BTC/USDT"]},{"type":"twitter","symbols":["BTC"]}],
"interval_sec":5,"symbols":["BTC/USDT"]}"""


def test_the_short_form_is_the_same_spec_as_its_normal_form():
  normal = ["sources:"]
  for venue in ("binance", "okx", "bybit"):
    normal += [
      f"  ccxt-{venue}-{channel}: {{use: ccxt.{channel}, with: "
      f"{{exchange: {venue}, symbols: [BTC/USDT], mode: poll, every: 5s}}}}"
      for channel in ("trades", "ticker")
    ]
  normal += ["  twitter: {use: x.posts, with: {symbols: [BTC]}}", "transforms:", "  window:"]
  names = [line.strip().split(":")[0] for line in normal[1:8]]
  normal += ["    use: core.window", f"    from: [{', '.join(names)}]"]
  normal += ["    with: {every: 5s, symbols: [BTC/USDT]}"]
  short = load(SHORT)
  assert canonical(short) == canonical(load("\n".join(normal)))
  assert short.sinks == {}
  assert short.warnings == ()


def test_the_document_of_a_short_spec_is_a_spec_in_the_normal_form():
  short = load(SHORT)
  again = load(json.dumps(short.document))
  assert stream_id(again) == stream_id(short)
  assert list(again.document["sources"]) == list(short.sources)


@pytest.mark.parametrize(
  ("kind", "uses"),
  [
    ("ccxt.trades", ["ccxt.trades"] * 3),
    ("ccxt.ticker", ["ccxt.ticker"] * 3),
    ("twitter", ["x.posts"]),
    ("x", ["x.posts"]),
    ("x.tweets", ["x.posts"]),
    ("onchain", ["onchain.solana"]),
    ("onchain.grpc", ["onchain.solana"]),
    ("binance.trades", ["binance.trades"]),
  ],
)
def test_types_of_the_short_form(kind, uses):
  entry = {"type": kind}
  if uses == ["x.posts"]:
    entry["query"] = "bitcoin"
  if "." in kind and not kind.startswith(("x", "onchain")):
    entry["symbols"] = ["BTC/USDT"]
  spec = load(json.dumps({"sources": [entry]}))
  assert [node.use for node in spec.sources.values()] == uses


@pytest.mark.parametrize("kind", ["custom", "custom.ws"])
def test_a_custom_source_of_the_short_form_is_a_websocket(kind):
  url, rules = "wss://stream.example.com/ws", [{"emit": "custom", "event_type": "x"}]
  spec = load(json.dumps({"sources": [{"type": kind, "url": url, "map": rules}]}))
  assert spec.sources[kind.replace(".", "-")].config.url == "wss://stream.example.com/ws"


def test_ccxt_with_an_exchange_is_that_exchange_and_settings_win_over_defaults():
  text = json.dumps(
    {"sources": [{"type": "ccxt", "exchange": "kraken", "every": "1s", "symbols": ["BTC/USD"]}]}
  )
  spec = load(text)
  assert list(spec.sources) == ["ccxt-kraken-trades", "ccxt-kraken-ticker"]
  assert spec.sources["ccxt-kraken-trades"].config.every == 1.0
  assert spec.sources["ccxt-kraken-trades"].config.mode == "poll"


def test_symbols_of_the_whole_serve_sources_that_name_none():
  spec = load('{"sources":[{"type":"ccxt.trades"},{"type":"twitter"}],"symbols":["ETH/USDT"]}')
  assert {tuple(node.config.symbols) for node in spec.sources.values()} == {("ETH/USDT",)}


def test_onchain_of_the_contract_works_as_it_is():
  text = '{"sources":[{"type":"onchain","chain":"sol","event_types":["tx","transfer"]}]}'
  node = load(text).sources["onchain"]
  assert (node.use, node.config.event_types) == ("onchain.solana", ["tx", "transfer"])
  assert load(text.replace("sol", "btc")).sources["onchain"].use == "onchain.bitcoin"
  for name, chain in (("eth", "ethereum"), ("base", "base")):
    node = load(f'{{"sources":[{{"type":"onchain","chain":"{name}"}}]}}').sources["onchain"]
    assert (node.use, node.config.chain) == ("onchain.evm", chain)


def test_equal_types_get_numbered_names():
  spec = load('{"sources":[{"type":"x","query":"btc"},{"type":"x","query":"eth"}]}')
  assert list(spec.sources) == ["x", "x-2"]


@pytest.mark.parametrize(
  ("interval", "every"), [("5", 5.0), ("0.5", 0.5), ('"2m"', 120.0), ("null", 5.0)]
)
def test_the_interval_of_the_short_form_is_the_window(interval, every):
  spec = load(f'{{"sources":[{{"type":"x","query":"btc"}}],"interval_sec":{interval}}}')
  assert spec.transforms["window"].config.every == every


def test_an_interval_of_0_asks_for_every_update():
  assert load('{"sources":[{"type":"x","query":"btc"}],"interval_sec":0}').transforms == {}


def test_the_id_of_the_short_form_stays_what_it_is():
  assert stream_id(load(SHORT)) == "07ebb81794565e03"


@pytest.mark.parametrize(
  "text",
  [
    '{"sources": [' + '{"type": "ccxt"},' * 600 + '{"type": "ccxt"}]}',
    '{"sources": [{"type": "ccxt", "exchange": [' + "a," * 1900 + "b]}]}",
  ],
  ids=["many sources", "many exchanges"],
)
def test_a_bomb_is_refused_at_once(text):
  # The fastest counts, so that a busy machine does not decide.
  fastest = float("inf")
  for _ in range(3):
    gc.collect()
    started = time.thread_time()
    with pytest.raises(SpecError) as caught:
      load(text)
    fastest = min(fastest, (time.thread_time() - started) * 1000)
    if fastest < WITHIN_MS:
      break
  assert fastest < WITHIN_MS
  assert len(str(caught.value)) < 32_000


_WORDS = ["ccxt", "twitter", "x.posts", "", "5s", "-1", "a.b", "🚀", "\\ud83d", "every", "symbols"]
_values = st.recursive(
  st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(_WORDS),
  lambda inner: (
    st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_WORDS), inner, max_size=5)
  ),
  max_leaves=20,
)


@settings(max_examples=300, deadline=1000, suppress_health_check=[HealthCheck.too_slow])
@given(
  st.fixed_dictionaries(
    {
      "sources": st.lists(
        _values
        | st.fixed_dictionaries(
          {"type": st.sampled_from(["ccxt", "x", "onchain", "custom", "okx", "a.b", "."])},
          optional=dict.fromkeys(
            ("symbols", "exchange", "chain", "event_types", "url", "query", "every"), _values
          ),
        ),
        max_size=4,
      )
    },
    optional=dict.fromkeys(("name", "interval_sec", "symbols", "more"), _values),
  )
)
def test_any_short_form_is_a_spec_or_a_spec_error(data):
  try:
    canonical(load(json.dumps(data)))
  except SpecError as exc:
    assert exc.problems
    for problem in exc.problems:
      assert problem.line >= 1
      assert problem.column >= 1
      assert problem.message.isprintable()
