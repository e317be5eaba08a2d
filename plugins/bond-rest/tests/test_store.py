"""Where streams are stored."""

import sqlite3

import pytest
from bond_rest.store import Store, StoredStream

STREAM = StoredStream("0123456789abcdef", {}, 1.0, frozenset(("alice",)), frozenset())


async def test_a_file_that_has_lost_its_name_takes_nothing(tmp_path):
  store = Store(tmp_path / "streams.db")
  await store.open()
  try:
    await store.add(STREAM, "alice")
    (tmp_path / "streams.db").unlink()
    for write in (
      lambda: store.add(STREAM, "bob"),
      lambda: store.drop(STREAM.id, "alice"),
      store.check,
    ):
      with pytest.raises(sqlite3.OperationalError, match=r"streams\.db is gone"):
        await write()
  finally:
    await store.close()
