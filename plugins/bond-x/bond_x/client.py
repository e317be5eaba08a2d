"""The HTTP client of an account."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import trio

from bond_core.websockets import note_answer
from bond_x.account import Account

ANSWER_WITHIN = 20.0
"""Seconds without a byte after which a request has failed."""
CONNECT_WITHIN = 10.0


def client_of(account: Account, trusted: ssl.SSLContext) -> httpx.AsyncClient:
  """Returns a client of X with the account's token."""
  return httpx.AsyncClient(
    base_url=account.endpoint,
    headers={"authorization": f"Bearer {account.token}", "user-agent": "bond-x"},
    timeout=httpx.Timeout(ANSWER_WITHIN, connect=CONNECT_WITHIN),
    follow_redirects=False,
    event_hooks={"response": [_note]},
    verify=trusted,
  )


@asynccontextmanager
async def open_client(account: Account) -> AsyncIterator[httpx.AsyncClient]:
  """A client that trusts what this machine trusts, which takes 50 ms to read off the event loop."""
  trusted = await trio.to_thread.run_sync(ssl.create_default_context)
  async with client_of(account, trusted) as client:
    yield client


async def _note(answer: httpx.Response) -> None:
  note_answer(answer.headers)
