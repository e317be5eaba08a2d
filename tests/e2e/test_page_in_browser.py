"""The page in a real Chromium, against a real server on simulators: `tox -e page`.

All calls of Playwright are in one function in one thread, to which its greenlets belong. With
BOND_PICTURES, a folder, the pictures of docs/page.md are made there.
"""

import json
import os
import time
from functools import partial
from pathlib import Path

import pytest
import trio
from serving import EXAMPLE, Proxy, served
from websockets.sync.client import connect

from tests import javascript

playwright = pytest.importorskip(
  "playwright.sync_api", reason="playwright is not installed, so the page is tried in no browser"
)
PICTURES = os.environ.get("BOND_PICTURES")
pytestmark = pytest.mark.slow
# What a page says of itself from its first moment on, and what its policy has kept from it.
WATCH = """
window.states = []; window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => violations.push(e.violatedDirective));
new MutationObserver(() => states.push(document.documentElement?.dataset.state))
  .observe(document, { subtree: true, attributes: true, attributeFilter: ["data-state"] });
"""


class Visitor:
  """Somebody with a browser, who looks at the page and counts what went wrong."""

  def __init__(self, browser, url, **options):
    self.url = url
    context = browser.new_context(**options)
    self.page = context.new_page()
    self.page.set_default_timeout(20_000)
    self.complaints, self.asked = [], []
    self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
    self.page.on("console", self._heard)
    self.page.on("request", lambda request: self.asked.append(request.url))
    self.page.add_init_script(WATCH)
    self.page.goto(url)

  def _heard(self, message):
    if message.type == "error" and "WebSocket connection" not in message.text:
      self.complaints.append(message.text)

  def text(self, field):
    return self.page.inner_text(f'[data-field="{field}"]')

  def number(self, field):
    text = self.text(field)
    return None if text == "-" else float(text)

  def until(self, true, seconds=20):
    deadline = time.monotonic() + seconds
    while not true():
      assert time.monotonic() < deadline, self.page.inner_text("body")
      self.page.wait_for_timeout(50)

  def state(self):
    # Not `wait_for_function`: the page's policy forbids what that evaluates.
    return self.page.evaluate("document.documentElement.dataset.state")

  def happened(self):
    return self.page.inner_text("#happened")

  def leave(self):
    """Nothing went wrong, and nobody else was asked for anything."""
    assert self.page.evaluate("violations") == []
    assert self.complaints == []
    own = self.url.partition("://")[2].rstrip("/")
    assert {url.split("/")[2] for url in self.asked if not url.startswith("data:")} == {own}
    self.page.context.close()


async def visited(*visits):
  """Has each visit done by a browser: at the ports of two servers, with a proxy before the first,
  and a way to call what belongs to trio."""
  try:
    program = javascript.chromium()
    javascript.page()
  except javascript.Unavailable as exc:
    pytest.skip(str(exc))
  async with (
    served(EXAMPLE, "--heartbeat", "1s") as server,
    served(EXAMPLE, "--heartbeat", "1s") as other,
    trio.open_nursery() as nursery,
  ):
    ports = [int(await s.told(rb"(?<=api: http://127.0.0.1:)\d+")) for s in (server, other)]
    proxy = Proxy(ports[0])
    await nursery.start(proxy.run)
    token = trio.lowlevel.current_trio_token()

    def work():
      with playwright.sync_playwright() as found:
        browser = found.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for visit in visits:
          visit(browser, ports, proxy, partial(trio.from_thread.run_sync, trio_token=token))
        browser.close()

    await trio.to_thread.run_sync(work)
    nursery.cancel_scope.cancel()


def price_at(port, seq, within=10):
  """The price that another client reads at a number of the log."""
  with connect(f"ws://127.0.0.1:{port}/stream") as socket:
    wanted = {"type": "subscribe", "channels": ["trades", "ticker"], "symbols": ["BTC/USDT"]}
    socket.send(json.dumps({**wanted, "from": "now-1m"}))
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
      message = json.loads(socket.recv(timeout=within))
      if message.get("seq_internal") == seq:
        return message["price"] if message["type"] == "trade" else message["last"]
  raise AssertionError(f"nothing has the number {seq}")


def ask_and_see(browser, ports, proxy, run):
  visitor = Visitor(browser, f"http://127.0.0.1:{ports[0]}/")
  page = visitor.page
  visitor.until(lambda: visitor.number("price") is not None)
  visitor.until(lambda: visitor.state() == "simulated")
  assert "Simulated" in page.inner_text("#banner")
  # All at once, or another trade would come between.
  price, seq = page.evaluate(
    "(() => { const e = document.querySelector('[data-field=price]');"
    " return [Number(e.textContent), Number(e.dataset.seq)]; })()"
  )
  assert price_at(ports[0], seq) == price
  assert visitor.number("bid") < visitor.number("ask")

  # From here on with the keyboard alone.
  page.focus("#request")
  page.keyboard.type("BTC price evry 1s on marsex")
  page.wait_for_selector('.word[data-how="unknown"]')
  page.wait_for_selector("#choices button")
  assert page.is_disabled("#start")
  page.keyboard.press("Control+a")
  # What is ignored is said, and may start.
  page.keyboard.type("BTC price every 1s fancy")
  page.wait_for_selector('.word[data-how="left"]')
  page.wait_for_selector("#start:not([disabled])")
  page.keyboard.press("Control+a")
  page.keyboard.type("BTC price every 1s")
  page.wait_for_selector("#start:not([disabled])")
  assert page.inner_text("#words").split()[0] == "BTC"
  page.keyboard.press("Enter")
  visitor.until(lambda: (visitor.number("window_seq") or 0) >= 3)
  assert visitor.number("price_avg") > 0
  assert "curl -X POST" in page.text_content("#snippet-curl")
  # Something is drawn: the chart's pixels are of more than two colours.
  colours = page.evaluate(
    "(() => { const seen = new Set(); for (const c of document.querySelectorAll('#chart canvas')) {"
    " if (!c.width) continue; const d = c.getContext('2d').getImageData(0,0,c.width,c.height).data;"
    " for (let i = 0; i < d.length; i += 4) seen.add(d[i] << 16 | d[i+1] << 8 | d[i+2]); }"
    " return seen.size; })()"
  )
  assert colours > 5
  page.click("#stop")
  page.wait_for_selector("#made", state="hidden")

  page.select_option("#from", "now-1m")
  page.click("#choose button")
  visitor.until(lambda: "replay" in page.evaluate("states"))
  visitor.until(lambda: visitor.state() == "simulated")
  visitor.until(lambda: visitor.text("spread") != "-")
  # All figures are of the same moment.
  best, bid = page.evaluate(
    "['#bids td', '[data-field=bid]'].map((one) => document.querySelector(one).textContent)"
  )
  assert best == bid

  # A market that nobody has shows nothing of the one before.
  page.fill("#symbol", "NOBODY/USDT")
  page.click("#choose button")
  visitor.until(lambda: visitor.text("spread") == "-")
  assert page.inner_text("#book tbody:not(.spread)").strip() == ""
  assert page.inner_text("#tape").strip() == ""
  assert "NaN" not in page.inner_html("#book")
  visitor.leave()


def be_cut_and_lose(browser, ports, proxy, run):
  visitor = Visitor(browser, f"http://127.0.0.1:{proxy.port}/")
  visitor.until(lambda: visitor.number("seq") is not None)
  run(proxy.cut)
  visitor.until(lambda: "the connection was lost" in visitor.happened())
  before = visitor.number("seq")
  visitor.until(lambda: visitor.number("seq") > before)
  assert visitor.text("gaps") == "0"
  # A server that has begun a new log cannot say what was missed, and the page shows just that.
  proxy._server_port = ports[1]
  run(proxy.cut)
  visitor.until(lambda: visitor.number("gaps") > 0)
  assert "the server no longer has everything" in visitor.happened()
  assert visitor.page.query_selector("#happened .gap")
  visitor.page.context.close()


def be_usable(browser, ports, proxy, run):
  axe = (javascript.from_registry("axe-core@4.14.1") / "axe-core" / "axe.min.js").read_text()
  for name, options in {
    "light": {"viewport": {"width": 1280, "height": 1120}},
    "dark": {"viewport": {"width": 1280, "height": 1120}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 375, "height": 800}, "is_mobile": True},
  }.items():
    visitor = Visitor(browser, f"http://127.0.0.1:{ports[0]}/", **options)
    page = visitor.page
    visitor.until(lambda visitor=visitor: visitor.number("price") is not None)
    page.fill("#request", "BTC price and volume every 1s on binance")
    page.wait_for_selector(".word")
    page.evaluate(axe)
    found = page.evaluate("axe.run().then((result) => result.violations)")
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    told = [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in serious]
    assert told == [], name
    assert page.evaluate("document.documentElement.scrollWidth") <= options["viewport"]["width"]
    if PICTURES:
      page.wait_for_timeout(15_000)
      file = Path(PICTURES) / f"page-{name}.jpg"
      page.screenshot(path=str(file), type="jpeg", quality=70)
    visitor.leave()


async def test_from_a_sentence_to_a_chart():
  await visited(ask_and_see)


async def test_a_cut_connection_and_a_gap_are_seen():
  await visited(be_cut_and_lose)


async def test_it_can_be_used_and_read_by_all_in_light_dark_and_on_a_phone():
  await visited(be_usable)
