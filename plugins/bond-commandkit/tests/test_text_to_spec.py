"""Requests in plain text: which parser answers, and what may start."""

import types

import attrs
import bond_legacy
import pytest
from bond_commandkit import (
  TextToSpec,
  account_lines,
  is_request,
  source_words,
  summary_of,
  text_to_spec,
)

from bond_core import Custom, ParserType, PluginError, Reading, Registry, SourceType, hookimpl


async def ticks(config, out, ctx):
  raise AssertionError("nothing is run")


def plugin(*components):
  module = types.ModuleType("a_plugin")

  @hookimpl
  def bond_register_parsers():
    return [component for component in components if isinstance(component, ParserType)]

  @hookimpl
  def bond_register_sources():
    return [component for component in components if isinstance(component, SourceType)]

  module.bond_register_parsers = bond_register_parsers
  module.bond_register_sources = bond_register_sources
  return module


def source(name, *words):
  return SourceType(name=name, summary="s", emits=(Custom,), run=ticks, words=words)


def parser(name, reading, rank=0, seen=None):
  def parse(text, words):
    if seen is not None:
      seen.append((name, text, words))
    return reading

  return ParserType(name=name, summary="s", parse=parse, rank=rank)


def registry(**plugins):
  found = Registry(Registry()._points["core"])
  for name, components in plugins.items():
    found.add(name, plugin(*components))
  return found


SPEC = {"sources": {"t": {"use": "a.ticks"}}}
GOOD = Reading(outcome="ok", spec=SPEC)
ASKING = Reading(outcome="ask", questions=["Which?"])


def test_the_words_of_sources_are_gathered_and_the_first_plugin_keeps_a_word():
  found = registry(b=[source("b.ticks", "Ticks", "b ticks")], a=[source("a.ticks", "ticks")])
  assert source_words(found) == {"ticks": "a.ticks", "b ticks": "b.ticks"}


def test_a_public_source_without_words_answers_to_its_name():
  found = registry(a=[attrs.evolve(source("a.any"), public=True), source("a.private")])
  assert source_words(found) == {"a.any": "a.any"}


def test_a_parser_gets_the_text_and_the_words_and_its_spec_is_checked():
  seen = []
  found = registry(a=[source("a.ticks", "ticks"), parser("a.parser", GOOD, seen=seen)])
  answer = text_to_spec("ticks, please", found)
  assert seen == [("a.parser", "ticks, please", {"ticks": "a.ticks"})]
  assert answer.spec.sources["t"].use == "a.ticks"
  assert answer.problems == ()
  assert answer.parser == "a.parser"


def test_the_first_that_does_more_than_ask_back_answers_by_rank():
  seen = []
  found = registry(
    a=[source("a.ticks"), parser("a.model", GOOD, rank=10, seen=seen)],
    b=[parser("b.grammar", ASKING, seen=seen)],
    c=[parser("c.last", Reading(outcome="reject", questions=["no"]), rank=20, seen=seen)],
  )
  answer = text_to_spec("x", found)
  assert [name for name, _, _ in seen] == ["b.grammar", "a.model"]
  assert answer.parser == "a.model"


def test_where_all_ask_the_last_that_offers_a_spec_counts():
  offering = Reading(outcome="ask", spec=SPEC, questions=["This one?"])
  found = registry(
    a=[source("a.ticks"), parser("a.grammar", ASKING), parser("a.model", offering, rank=1)],
    b=[parser("b.third", ASKING, rank=2)],
  )
  answer = text_to_spec("x", found)
  assert (answer.parser, answer.problems) == ("a.model", ("This one?",))
  assert answer.spec is None
  assert (
    text_to_spec("x", registry(a=[parser("a.p", ASKING)], b=[parser("b.p", ASKING)])).parser
    == "a.p"
  )


@pytest.mark.parametrize(
  ("reading", "problem"),
  [
    (ASKING, "Which?"),
    (Reading(outcome="reject", spec=SPEC, questions=["That is an order."]), "That is an order."),
    (
      Reading(outcome="ok", spec=SPEC, missing=["tweets: pip install bond-x"]),
      "tweets: pip install",
    ),
    (Reading(outcome="ok"), "nothing has to be started"),
    (Reading(outcome="warn", spec={"sources": {"t": {"use": "x.posts"}}}), "pip install bond-x"),
    (Reading(outcome="ok", spec={"sources": {"t": {"use": "a.ticks", "with": {"k": 1}}}}), "'k'"),
  ],
)
def test_nothing_starts_that_is_asked_about_missing_or_wrong(reading, problem):
  answer = text_to_spec("x", registry(a=[source("a.ticks"), parser("a.parser", reading)]))
  assert answer.spec is None
  assert problem in answer.problems[0]


@pytest.mark.parametrize(
  ("config", "first"), [({"k": 1}, "cannot start: a tick"), ({}, "ok: a tick")]
)
def test_what_cannot_start_is_not_called_ok(config, first):
  spec = {"sources": {"t": {"use": "a.ticks", "with": config}}}
  found = registry(
    a=[source("a.ticks"), parser("a.parser", Reading(outcome="ok", spec=spec, sentence="a tick"))]
  )
  lines = [*account_lines(text_to_spec("x", found))]
  assert lines[0] == first
  assert any(line.startswith("  - ") for line in lines) == bool(config)


def test_the_earlier_short_form_is_a_spec_as_well():
  short = {"sources": [{"type": "a.ticks"}], "interval_sec": 5}
  found = registry(a=[source("a.ticks"), parser("a.p", Reading(outcome="ok", spec=short))])
  found.add("legacy", bond_legacy)
  answer = text_to_spec("x", found)
  assert answer.spec.transforms["window"].config.every == 5


def test_a_text_from_outside_uses_nothing_that_runs_code():
  code = {
    "sources": {"t": {"use": "a.ticks"}},
    "transforms": {"m": {"use": "core.map", "from": "t", "with": {"function": "os:getcwd"}}},
  }
  reading = Reading(outcome="ok", spec=code)
  found = registry(a=[source("a.ticks"), parser("a.p", reading)])
  assert text_to_spec("x", found).spec is not None
  assert text_to_spec("x", found, trusted=False).spec is None


def test_without_a_parser_the_package_is_named():
  with pytest.raises(PluginError, match="pip install bond-english"):
    TextToSpec(registry(a=[source("a.ticks")]))


def broken(text, words):
  raise KeyError("oh")


@pytest.mark.parametrize(
  ("spec", "told"),
  [
    (ParserType(name="a.p", summary="s", parse=broken), "'a.p' failed with KeyError"),
    (parser("a.p", None), "'a.p' gave NoneType"),
    (parser("a.p", Reading(outcome="maybe")), "ok, warn, ask or reject"),
  ],
)
def test_a_parser_that_breaks_its_promises_is_named(spec, told):
  with pytest.raises(PluginError, match=told):
    text_to_spec("x", registry(a=[spec]))


def entry(slot, value, how="exact"):
  return {"start": 0, "end": 1, "text": "x", "slot": slot, "value": value, "how": how}


def test_what_was_asked_for_is_what_the_account_adds_up_to():
  account = [
    entry("symbol", "BTC"),
    entry("symbol", "ETH", "alias"),
    entry("symbol", "BTC"),
    entry("source", "price", "assumed"),
    entry("source", "trades", "corrected"),
    entry("left_out", "tweets"),
    entry("exchange", "okx", "default"),
    entry("interval", 5, "default"),
    entry("filter", {"depth": 20}),
    entry("filter", {"event_types": ["tx"]}),
    entry("filter", {"event_types": ["transfer", "tx"]}),
    entry("filter", {"market": "spot"}),
    entry("filter", {"market": "perp"}),
    entry("unknown", None),
  ]
  assert summary_of(Reading(outcome="ok", account=account)) == {
    "symbols": ["BTC", "ETH"],
    "sources": ["price", "trades"],
    "exchanges": [],
    "interval_sec": None,
    "filters": {"depth": 20, "event_types": ["tx", "transfer"], "market": ["spot", "perp"]},
  }
  assert summary_of(Reading(outcome="ok", account=[entry("interval", 0)]))["interval_sec"] == 0


def test_an_answer_is_plain_data():
  found = registry(a=[source("a.ticks"), parser("a.p", ASKING)])
  told = text_to_spec("x", found).understood()
  assert told["text"] == "x"
  assert told["questions"] == told["problems"] == ["Which?"]
  assert (told["outcome"], told["parser"], told["spec"]) == ("ask", "a.p", None)
  assert told["symbols"] == []


@pytest.mark.parametrize(
  ("text", "request_"),
  [
    ("BTC price every 5s", True),
    ("ETH/BTC every 10s", True),
    ("bitcoin", True),
    ("no-such-file.yaml", False),
    ("folder/no-such-file.YML", False),
    ("spec.json", False),
    ("x" * 5000, True),
  ],
)
def test_what_is_no_file_and_not_named_like_one_is_a_request(text, request_, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  assert is_request(text) is request_


def test_a_file_is_a_file_whatever_its_name(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / "BTC price every 5s").write_text("sources: {}")
  assert not is_request("BTC price every 5s")


# Kept lists of markets ----------------------------------------------------------------------------


@attrs.frozen
class OfSymbols:
  """A source's symbols."""

  symbols: list[str]


def listing(name, listed):
  """A source whose venue's list is kept: a symbol that it lacks has its name in thousands."""

  def unlisted(config):
    for symbol in config.symbols:
      if symbol not in listed:
        yield symbol, f"there is no {symbol}", tuple(s for s in listed if s.endswith(symbol))

  return attrs.evolve(source(name), config=OfSymbols, unlisted=unlisted)


def echo(text, words):
  """Reads a text as one pair."""
  base = text.split()[0]
  symbol = base if "/" in base else f"{base}/USDT"
  entry = {"slot": "symbol", "value": base, "how": "exact", "text": base, "start": 0}
  return Reading(
    outcome="ok",
    spec={"sources": {"t": {"use": "a.ticks", "with": {"symbols": [symbol]}}}},
    account=[{**entry, "end": len(base)}],
  )


def listing_registry():
  return registry(
    a=[listing("a.ticks", ["1000PEPE/USDT", "BTC/USDT"])],
    p=[ParserType(name="p.echo", summary="s", parse=echo)],
  )


def test_a_symbol_that_no_kept_list_has_cannot_start_and_the_nearest_is_offered():
  found = listing_registry()
  answer = text_to_spec("PEPE please", found)
  assert (answer.spec, answer.unlisted) == (None, True)
  assert answer.problems == ("there is no PEPE/USDT",)
  told = answer.understood()
  assert (told["outcome"], told["can_start"]) == ("ok", False)
  (offer,) = told["offers"]
  assert offer == {"question": "there is no PEPE/USDT", "request": "1000PEPE/USDT please"}
  assert text_to_spec(offer["request"], found).spec is not None
  assert "  say: 1000PEPE/USDT please" in list(account_lines(answer))


def test_many_symbols_that_no_kept_list_has_are_named_and_the_text_is_read_once():
  read = []

  def pairs(text, words):
    read.append(text)
    spec = {"sources": {"t": {"use": "a.ticks", "with": {"symbols": text.split()}}}}
    return Reading(outcome="ok", spec=spec)

  found = registry(
    a=[listing("a.ticks", ["1000PEPE/USDT", "1000BONK/USDT"])],
    p=[ParserType(name="p.pairs", summary="s", parse=pairs)],
  )
  answer = text_to_spec("PEPE/USDT BONK/USDT", found)
  assert answer.problems == ("there is no PEPE/USDT", "there is no BONK/USDT")
  assert (answer.understood()["offers"], len(read)) == ([], 1)


@pytest.mark.parametrize(("text", "listed"), [("BTC please", True), ("PEPE please", False)])
def test_what_is_listed_or_not_to_be_looked_up_starts(text, listed):
  assert text_to_spec(text, listing_registry(), listed=listed).spec is not None


def test_a_source_that_fails_to_say_what_is_listed_is_blamed():
  def failing(config):
    raise OSError("no disk")

  found = registry(
    a=[attrs.evolve(listing("a.ticks", []), unlisted=failing)],
    p=[ParserType(name="p.echo", summary="s", parse=echo)],
  )
  with pytest.raises(PluginError, match=r"a\.ticks failed to say what is listed, with OSError"):
    text_to_spec("BTC please", found)
