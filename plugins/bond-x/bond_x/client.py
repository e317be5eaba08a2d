"""The HTTP client of an account."""

import httpx

from bond_core.websockets import note_answer
from bond_x.account import Account

ANSWER_WITHIN = 20.0
"""Seconds without a byte after which a request has failed."""
CONNECT_WITHIN = 10.0


def open_client(account: Account) -> httpx.AsyncClient:
  """Returns a client of X with the account's token."""
  return httpx.AsyncClient(
    base_url=account.endpoint,
    headers={"authorization": f"Bearer {account.token}", "user-agent": "bond-x"},
    timeout=httpx.Timeout(ANSWER_WITHIN, connect=CONNECT_WITHIN),
    follow_redirects=False,
    event_hooks={"response": [_note]},
  )


async def _note(answer: httpx.Response) -> None:
  note_answer(answer.headers)
