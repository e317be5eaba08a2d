"""The Grafana dashboard asks for figures that a server has, by the labels that they have."""

import json
import re
from pathlib import Path

import httpx
import pytest
import trio
import yaml
from bond_server.testing import open_test_server
from prometheus_client.parser import text_string_to_metric_families

from bond_core import Registry, ServiceType

ROOT = Path(__file__).parents[2]
BOARD = json.loads((ROOT / "infra" / "grafana.json").read_text(encoding="utf-8"))
QUERIES = [
  pytest.param(target["expr"], target["legendFormat"], id=f"{panel['title']}-{target['refId']}")
  for panel in BOARD["panels"]
  for target in panel["targets"]
]
ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
# A family without samples shows no labels; these are what its code gives it.
LABELS = {
  "bond_stream_age_ms": {"exchange", "channel", "symbol", "market_type"},
  "bond_stream_events": {"exchange", "channel", "symbol", "market_type"},
  "bond_book_resyncs": {"exchange", "channel", "symbol", "market_type"},
  "bond_gaps": {"exchange", "reason"},
}


async def figures():
  """Every family that a broker and a control plane tell, as Prometheus reads it."""
  services = {service.name: service for service in Registry().all(ServiceType)}
  found = {}
  async with open_test_server() as server, trio.open_nursery() as nursery:
    for name in ("broker", "api"):
      service = services[name]
      (url,) = await nursery.start(service.serve, service.config(port=0), server)
      address = url.replace("ws://", "http://")
      async with httpx.AsyncClient() as http:
        answer = await http.get(f"{address}/metrics", headers={"Accept": "text/plain"})
      found |= {family.name: family for family in text_string_to_metric_families(answer.text)}
    server.stopping.set()
    nursery.cancel_scope.cancel()
  return found


async def test_every_query_asks_for_what_there_is():
  families = await figures()
  names = {
    f"{family.name}{ending}" for family in families.values() for ending in ENDINGS[family.type]
  }
  assert len(names) > 30
  asked = {name for expression, _ in (p.values for p in QUERIES) for name in named(expression)}
  assert asked - names == set()
  # And nothing that a server tells of losses is left out.
  assert {"bond_gaps_total", "bond_lost_total", "bond_log_not_kept_total"} <= asked


def named(expression):
  return re.findall(r"\bbond_\w+", expression)


@pytest.mark.parametrize(("expression", "legend"), QUERIES)
def test_a_legend_names_labels_that_the_query_keeps(expression, legend):
  kept = re.findall(r"by \(([^)]*)\)", expression)
  wanted = set(re.findall(r"{{(\w+)}}", legend))
  if kept:
    assert wanted <= {label.strip() for label in kept[0].split(",")}
    (name,) = named(expression)
    known = LABELS.get(re.sub(r"_total$", "", name))
    assert known is None or wanted <= known
  assert expression.count("(") == expression.count(")")


def test_panels_have_places_of_their_own_and_titles():
  places = [tuple(panel["gridPos"][key] for key in "xy") for panel in BOARD["panels"]]
  assert len(set(places)) == len(places)
  assert len({panel["title"] for panel in BOARD["panels"]}) == len(places)
  assert all(p["gridPos"]["x"] + p["gridPos"]["w"] <= 24 for p in BOARD["panels"])


def test_the_example_of_prometheus_reads_both_ports():
  document = yaml.safe_load((ROOT / "infra" / "prometheus.yml").read_text(encoding="utf-8"))
  targets = [job["static_configs"][0]["targets"] for job in document["scrape_configs"]]
  assert targets == [["localhost:8080"], ["localhost:8000"]]
