"""Sources are handed the folder in which a server keeps what outlasts it."""

import trio
from bond_server.testing import open_test_server

from bond_core import SourceType
from bond_core.config import DATA_FOLDER


async def test_sources_learn_the_folder_also_those_of_callers():
  seen = []

  async def run(config, out, ctx):
    seen.append(ctx.remember(DATA_FOLDER, lambda: None))

  found = SourceType(name="test.folder", summary="", emits=(), run=run)
  async with open_test_server() as server:
    for opens in (server._sources, server._private.of("alice")):
      reader = opens.open("sources.it", found, found.config())
      with trio.fail_after(60):
        await reader.source.ended.wait()
    assert seen == [server.folder] * 2
