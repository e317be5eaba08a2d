"""Bond's websocket client as the suite wants it: it sends back every message as it came."""

import json

import trio

from bond_core._errors import Disconnected
from bond_core._ws.client import open_websocket

AGENT = "bond-client"
CASE_TIMEOUT = 120.0


async def run_cases(url: str) -> int:
  """Runs all cases of the fuzzing server at `url` and has it write its report; how many there
  were."""
  count = json.loads(await _answer(f"{url}/getCaseCount"))
  for case in range(1, count + 1):
    # A case that hangs is reported by the suite as what it is.
    with trio.move_on_after(CASE_TIMEOUT):
      await _echo(f"{url}/runCase?case={case}&agent={AGENT}")
  await _answer(f"{url}/updateReports?agent={AGENT}")
  return int(count)


async def _echo(url: str) -> None:
  try:
    async with open_websocket(url, compression=True) as websocket:
      while True:
        messages = await websocket.receive()
        binary = set(websocket.binary)
        for place, message in enumerate(messages):
          if place in binary:
            await websocket.send_binary(message)
          else:
            await websocket.send(message)
  except Disconnected:
    # Every case ends so; whether it had to is the suite's verdict.
    return


async def _answer(url: str) -> bytes:
  """The first message that `url` sends before it closes, empty if there is none."""
  messages: list[bytes] = []
  try:
    async with open_websocket(url) as websocket:
      while True:
        messages += await websocket.receive()
  except Disconnected:
    return messages[0] if messages else b""
