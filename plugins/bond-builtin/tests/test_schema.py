"""`bond schema` takes what the loader takes, and refuses what has not the form of a spec."""

import json
import subprocess
import sys

import attrs
import jsonschema
import pytest
import yaml
from bond_builtin.commands.schema import spec_schema, type_schema

from bond_core import Registry, SinkType, Size, SourceType, TransformType
from bond_core.config import parse_duration, parse_size
from bond_core.specs import closed_keys

REGISTRY = Registry()
SCHEMA = spec_schema(REGISTRY)
OUTSIDE = spec_schema(REGISTRY, outside=True)


def valid(spec, schema=SCHEMA):
  return jsonschema.Draft202012Validator(schema).is_valid(yaml.safe_load(spec))


def test_it_is_a_schema_and_the_command_prints_it():
  jsonschema.Draft202012Validator.check_schema(SCHEMA)
  command = [sys.executable, "-m", "bond_core", "schema"]
  done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
  assert json.loads(done.stdout) == json.loads(json.dumps(SCHEMA))


@pytest.mark.parametrize("source", REGISTRY.all(SourceType), ids=lambda source: source.name)
def test_the_example_of_every_source_is_valid(source):
  assert valid(f"sources: {{a: {{use: {source.name}, with: {source.example or '{}'}}}}}")


@pytest.mark.parametrize("kind", [TransformType, SinkType])
def test_the_example_of_every_other_component_is_valid(kind):
  section = "transforms" if kind is TransformType else "sinks"
  for component in REGISTRY.all(kind):
    node = f"{{use: {component.name}, from: a, with: {component.example or '{}'}}}"
    source = "sources: {a: {use: clock.ticks}}"
    assert valid(f"{source}\n{section}: {{b: {node}}}"), component.name


@pytest.mark.parametrize(
  "spec",
  [
    "{}",
    "sources: {}",
    "sources: {a: {use: no.such}}",
    "sources: {a: {use: binance.trades}}",
    "sources: {a: {use: binance.trades, with: {symbols: BTC/USDT}}}",
    "sources: {a: {use: binance.trades, with: {symbols: [BTC/USDT], nonsense: 1}}}",
    "sources: {a: {use: binance.orderbook, with: {symbols: [BTC/USDT], depth: many}}}",
    "sources: {a: {use: binance.candle, with: {symbols: [BTC/USDT], interval: 7m}}}",
    "sources: {'a b': {use: clock.ticks}}",
    "sources: {a: {use: clock.ticks}}\ntransforms: {b: {use: core.window, from: a}}",
    "sources: {a: {use: clock.ticks}}\ntransforms: {b: {use: core.filter, with: {where: x}}}",
    "sources: {a: {use: clock.ticks}}\nnonsense: 1",
  ],
)
def test_what_has_not_the_form_is_not_valid(spec):
  assert not valid(spec)


@pytest.mark.parametrize(
  "text", ["5s", "250 ms", "1.5h", "60", "soon", "5us", "5ns", "5S", "1.2.3s", "", "-1s", ".5s"]
)
def test_a_length_of_time_is_what_the_loader_takes(text):
  window = "sources: {a: {use: clock.ticks}}\ntransforms: {b: {use: core.window, from: [a], with: "
  assert valid(f"{window}{{every: 0.5}}}}}}")
  assert valid(f"{window}{{every: '{text}'}}}}}}") == _is_read(parse_duration, text)


@pytest.mark.parametrize(
  "text", ["500kB", "64 MiB", "1gib", "100", "1.5GB", "1K", "many", "1.2.3MB", "", "-1B"]
)
def test_a_size_is_what_the_loader_takes(text):
  kind = type_schema(Size)
  assert jsonschema.Draft202012Validator(kind).is_valid(text) == _is_read(parse_size, text)


def _is_read(parse, text):
  try:
    parse(text)
  except ValueError:
    return False
  return True


def test_from_outside_only_what_is_public():
  text = json.dumps(OUTSIDE)
  assert '"core.jsonl"' not in text
  assert '"core.map"' not in text
  for source in REGISTRY.all(SourceType):
    assert (f'"const": "{source.name}"' in text) == source.public
  closed = "sources: {a: {use: binance.trades, with: {symbols: [BTC/USDT], endpoint: x}}}"
  assert valid(closed)
  assert not valid(closed, OUTSIDE)
  binance = next(source for source in REGISTRY.all(SourceType) if source.name == "binance.trades")
  assert closed_keys(binance.config) == {"endpoint"}
  assert {field.name for field in attrs.fields(binance.config)} >= {"endpoint"}
