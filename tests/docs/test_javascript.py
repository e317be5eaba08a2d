"""What stands as JavaScript in the documentation is JavaScript, and names what the package has."""

import re
import subprocess
from pathlib import Path

import pytest

from tests import javascript

ROOT = Path(__file__).parents[2]
PAGES = ("docs/javascript.md", "sdk/js/README.md")
BLOCKS = [
  pytest.param(block, id=f"{page}-{number}")
  for page in PAGES
  for number, block in enumerate(
    re.findall(r"^```js\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.S | re.M), 1
  )
]


@pytest.mark.parametrize("block", BLOCKS)
def test_the_javascript_of_a_page_is_javascript(block, tmp_path):
  try:
    node = javascript.node()
  except javascript.Unavailable as exc:
    pytest.skip(str(exc))
  file = tmp_path / "block.mjs"
  file.write_text(block, encoding="utf-8")
  done = subprocess.run([node, "--check", str(file)], capture_output=True, text=True, check=False)
  assert done.returncode == 0, done.stderr


def test_the_options_of_a_stream_are_those_of_the_page():
  source = (ROOT / "sdk/js/src/stream.ts").read_text(encoding="utf-8")
  options = re.search(r"interface StreamOptions \{(.*?)^\}", source, re.S | re.M)[1]
  page = (ROOT / "docs/javascript.md").read_text(encoding="utf-8")
  table = page.partition("| option of `Stream` |")[2].partition("\n\n")[0]
  assert re.findall(r"^\| `(\w+)` \|", table, re.M) == re.findall(r"^  (\w+)\?:", options, re.M)


def test_the_fields_of_a_subscription_are_those_of_the_protocol():
  source = (ROOT / "sdk/js/src/messages.ts").read_text(encoding="utf-8")
  fields = re.search(r"interface Subscription \{(.*?)^\}", source, re.S | re.M)[1]
  table = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")
  table = table.partition("## Subscribe\n")[2].partition("\n\nA `depth`")[0]
  known = set(re.findall(r"^\| `(\w+)` \|", table, re.M))
  # The client gives each its id, and `signal` is the platform's.
  assert set(re.findall(r"^  (\w+)\?:", fields, re.M)) == known - {"id"} | {"signal"}
