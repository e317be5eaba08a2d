"""python -m tests.schema [SECONDS]: schemathesis against a running `bond serve --sim`."""

import re
import sys
import tempfile
from pathlib import Path

import trio

SECONDS = 120
BOND = [sys.executable, "-m", "bond_core"]


async def main() -> int:
  seconds = int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
  with tempfile.TemporaryDirectory() as folder:
    log = Path(folder) / "server.log"
    with log.open("wb") as told:
      server = await trio.lowlevel.open_process(
        [*BOND, "serve", "--sim", "--memory", "--data", folder, "--port", "0", "--api-port", "0"],
        stderr=told,
      )
      try:
        return await _try(await _listening(log), seconds)
      finally:
        server.terminate()
        await server.wait()


async def _listening(log: Path) -> str:
  with trio.fail_after(60):
    while (found := re.search(r"api: (http://\S+)", await trio.Path(log).read_text())) is None:
      await trio.sleep(0.1)
  return found[1]


async def _try(api: str, seconds: int) -> int:
  """The exit code of schemathesis: 0 where no request was answered with a server error."""
  command = ["schemathesis", "run", f"{api}/openapi.json", "--checks", "not_a_server_error"]
  command += ["--max-time", str(seconds)]
  done = await trio.run_process(command, check=False)
  return done.returncode


if __name__ == "__main__":
  sys.exit(trio.run(main))
