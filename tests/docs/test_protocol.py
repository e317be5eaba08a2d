"""The protocol's page is what the broker does."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")

MISSING = "bond-broker is not installed"
messages = pytest.importorskip("bond_broker.protocol.messages", reason=MISSING)
requests = pytest.importorskip("bond_broker.protocol.requests", reason=MISSING)


def blocks(language):
  """The fenced blocks of a language, with their indentation taken off."""
  found = re.findall(rf"^([ ]*)```{language}\n(.*?)^\1```", PAGE, re.S | re.M)
  return [re.sub(rf"^{indent}", "", block, flags=re.M) for indent, block in found]


def section(title):
  return re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", PAGE, re.S | re.M)[1]


def first_column(text):
  """What the first cells of a section's tables name."""
  rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| ")]
  return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


JSON = [json.loads(block) for block in blocks("json")]
GOLDEN = [
  json.loads(line)["message"]
  for line in (ROOT / "plugins/bond-broker/tests/vectors/messages.jsonl").read_text().splitlines()
]


def shape(message):
  """The keys of a message, and of the objects in it that are no free form."""
  return [
    (key, list(message[key]) if key == "info" else [list(one) for one in message[key]])
    if key in ("info", "subscriptions")
    else key
    for key in message
  ]


def test_every_kind_of_message_is_shown():
  shown = {message.get("type") for message in JSON}
  assert {"subscribe", "system", "error", "heartbeat", "live", "raw", "shutdown"} <= shown


@pytest.mark.parametrize(
  "message",
  [message for message in JSON if message.get("type") != "subscribe" and "uptime" not in message],
  ids=lambda message: str(message.get("type")),
)
def test_an_example_has_the_shape_of_a_real_message(message):
  assert shape(message) in [shape(one) for one in GOLDEN if one.get("type") == message.get("type")]


@pytest.mark.parametrize(
  "message", [message for message in JSON if message.get("type") == "subscribe"]
)
def test_an_example_of_a_request_is_understood(message):
  requests.parse_request(json.dumps(message).encode())


def test_every_field_of_subscribe_is_explained():
  plural = {"channels", "symbols", "exchanges"}
  known = {f for f in requests._FILTER_FIELDS if f"{f}s" not in plural}
  table = section("Subscribe").partition("The answer is the ack")[0]
  assert first_column(table) == known | {"policy", "from", "snapshot", "id"}


def test_every_field_of_an_ack_is_explained():
  ack = next(one for one in GOLDEN if one.get("type") == "system")
  table = (
    section("Subscribe").partition("The answer is the ack")[2].partition("| other requests")[0]
  )
  # The golden one has no key that means nothing.
  assert first_column(table) == set(ack) - {"type"} | {"unknown"}


def test_every_name_of_an_error_is_explained():
  folder = Path(messages.__file__).parents[1]
  source = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
  told = first_column(section("Errors and close codes").partition("The close code says")[0])
  made = {f"bad_{kind}" for kind in requests._READERS if kind != "ping"}
  assert {name for name in told - made if f'"{name}"' not in source} == set()
  sent = set(re.findall(r'\bname(?:: str)? ?= ?"(\w+)"', source)) - {"broker"}
  assert sent | made <= told


def test_every_close_code_is_explained():
  told = section("Errors and close codes").partition("The close code says")[2]
  codes = {int(code) for code in re.findall(r"^\| (\d{4}) \|", told, re.M)}
  # 1009 and 1011 are the WebSocket protocol's and the authenticators'.
  assert codes == {int(code) for code in messages.CloseCode} | {1009, 1011}


def test_the_limits_are_those_of_the_code():
  table = section("Limits")
  assert f"nested {requests.MAX_NESTING} deep" in table
  assert f"| names in a field | {requests.MAX_NAMES:,}, each of up to {requests.MAX_NAME} " in table
  assert f"| an `id` | {requests.MAX_ID} characters |" in table
  told = section("Subscribe")
  assert f"up to {requests.MAX_DEPTH} |" in told
  assert f"up to {requests.MAX_SPEED_MS} |" in told


def test_the_forms_of_from_are_understood():
  since = pytest.importorskip("bond_broker.protocol.since")
  table = section("Replay and resume").partition("To come back")[0]
  forms = first_column(table) - {"from"}
  assert len(forms) > 6
  for form in forms:
    since.parse_since(form, 0)
