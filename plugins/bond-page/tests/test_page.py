"""The page as it is served: its policy, its size, and that nothing on it comes from elsewhere."""

import gzip
import re
from contextlib import asynccontextmanager
from functools import cache

import httpx
import pytest
import trio
from bond_page.service import STATIC, files_of
from bond_rest.config import RestConfig
from bond_rest.service import serve as serve_rest
from bond_server.showing import Shown, guarded, showing
from bond_server.testing import ServiceConformance, open_test_server

from bond_core import NoConfig

BUILT = pytest.mark.skipif(
  not (STATIC / "index.html").exists(),
  reason="the page is not built here: it takes Node 20.19 or later (`make page`)",
)


class TestPageConforms(ServiceConformance):
  name = "page"


@cache
def files():
  return files_of(STATIC)


@asynccontextmanager
async def served(**keys):
  """The page on a control plane's port; a client of it."""
  from bond_page.service import serve

  async with open_test_server() as server, trio.open_nursery() as nursery:
    await nursery.start(serve, NoConfig(), server)
    (url,) = await nursery.start(serve_rest, RestConfig(port=0, **keys), server)
    port = url.rpartition(":")[2]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
      yield server, client
    server.stopping.set()
    nursery.cancel_scope.cancel()


@BUILT
async def test_the_page_and_all_it_names_are_there():
  async with served() as (_, http):
    answer = await http.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    named = re.findall(r'(?:src|href)="\./([^"]+)"', answer.text)
    assert len(named) >= 4
    for path in named:
      found = await http.get(f"/{path}")
      assert found.status_code == 200, path
      lasting = "immutable" in found.headers.get("cache-control", "")
      assert lasting == path.startswith("assets/")
    assert (await http.get("/assets/nothing.js")).status_code == 404
    assert (await http.get("/assets/../service.py")).status_code == 404


@BUILT
@pytest.mark.parametrize("path", ["/", "script", "style"])
async def test_everything_of_the_page_has_its_strict_policy(path):
  if path != "/":
    path = next(name for name in files() if name.endswith({"script": ".js", "style": ".css"}[path]))
  async with served() as (_, http):
    headers = (await http.get(path)).headers
  assert headers["content-security-policy"].split("; ") == [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ]
  assert headers["x-content-type-options"] == "nosniff"
  assert headers["referrer-policy"] == "no-referrer"


@BUILT
def test_nothing_of_the_page_is_inline_or_from_elsewhere():
  html = files()["/"].body.decode()
  assert re.findall(r"<script(?![^>]* src=)[^>]*>", html) == []
  assert "<style" not in html
  assert re.findall(r"\son\w+=|style=", html) == []
  fetched = re.findall(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="([^"]+)"', html)
  assert all(url.startswith(("./", "data:")) for url in fetched)


@BUILT
def test_the_page_is_less_than_150_kb_gzipped():
  sizes = {path: len(gzip.compress(shown.body, 9)) for path, shown in files().items()}
  assert sum(sizes.values()) < 150_000, sizes


@BUILT
def test_the_chart_has_its_notice_and_its_link():
  assert b"TradingView" in files()["/NOTICE.txt"].body
  html = files()["/"].body.decode()
  assert 'href="https://www.tradingview.com/"' in html
  assert 'href="./NOTICE.txt"' in html


@BUILT
def test_every_field_of_the_page_is_named_once():
  html = files()["/"].body.decode()
  names = re.findall(r'data-field="(\w+)"', html)
  assert len(names) == len(set(names))
  assert {"price", "bid", "ask", "age", "gaps", "seq", "state"} <= set(names)
  assert 'data-state="connecting"' in html


async def test_without_a_built_page_the_start_is_the_list_of_routes(monkeypatch, tmp_path):
  monkeypatch.setattr("bond_page.service.STATIC", tmp_path)
  async with served() as (_, http):
    answer = await http.get("/")
  assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


@BUILT
async def test_the_page_is_for_all_and_figures_are_for_those_who_may_read():
  def figures(server):
    shown = showing(lambda: Shown(b"{}", "application/json"))
    server.doors.answer("/figures", guarded(shown, server.access, "market"))

  # Beyond loopback callers show who they are.
  async with served(host="0.0.0.0", hosts=["127.0.0.1"]) as (server, http):
    figures(server)
    assert (await http.get("/")).status_code == 200
    answer = await http.get("/figures")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "credentials" in answer.json()["detail"]
  async with served() as (server, http):
    figures(server)
    assert (await http.get("/figures")).text == "{}"
    assert (await http.head("/figures")).text == ""
    assert (await http.post("/figures")).status_code == 405
