"""One question to a language model over the OpenAI-compatible API of chat completions.

Sources: OpenAI's API reference, Chat Completions (`POST /chat/completions`; `response_format` of
type `json_schema`, strict; `choices[].message.content` or `.refusal`, `finish_reason`). llama.cpp,
vLLM and Ollama answer in the same form.
"""

import ssl
from typing import Any, Final

import httpx
import msgspec
import trio

from bond_core import BondError
from bond_core.feeds import own_words
from bond_llm_parser.settings import Settings

MAX_ANSWER: Final = 256 * 1024
"""Bytes of an answer, with what a server says besides."""
MAX_CONTENT: Final = 32 * 1024
"""Bytes of the JSON in it: far more than the clauses of a request have."""
_HINTS: Final = {
  401: "; look at BOND_LLM_KEY",
  403: "; look at BOND_LLM_KEY",
  404: "; look at BOND_LLM_URL and BOND_LLM_MODEL",
}


class NoAnswer(BondError):
  """Why there is no answer that can be used: the rest of a sentence about the model."""


class _Message(msgspec.Struct):
  content: str | None = None
  refusal: str | None = None


class _Choice(msgspec.Struct):
  message: _Message
  finish_reason: str | None = None


class _Completion(msgspec.Struct):
  choices: list[_Choice]


def complete(settings: Settings, instructions: str, text: str, schema: dict[str, Any]) -> bytes:
  """The model's answer, JSON by this schema as far as its server heeds it. Raises NoAnswer."""
  body = {
    "model": settings.model,
    "messages": [
      {"role": "system", "content": instructions},
      {"role": "user", "content": text},
    ],
    "response_format": {
      "type": "json_schema",
      "json_schema": {"name": "clauses", "strict": True, "schema": schema},
    },
  }
  return _content(trio.run(_exchange, settings, msgspec.json.encode(body)))


async def _exchange(settings: Settings, body: bytes) -> bytes:
  """The body of the answer, as far as time and size allow."""
  headers = {"content-type": "application/json", "accept-encoding": "identity"}
  if settings.key:
    headers["authorization"] = f"Bearer {settings.key}"
  url = f"{settings.url}/chat/completions"
  # Neither a proxy nor a redirect: what is sent goes to the host that is named, and nowhere else.
  client = httpx.AsyncClient(
    # What this machine trusts, as everything else in Bond; httpx has a list of its own.
    verify=ssl.create_default_context(),
    trust_env=False,
    follow_redirects=False,
    timeout=None,
  )
  data = bytearray()
  with trio.move_on_after(settings.seconds) as within:
    try:
      async with client, client.stream("POST", url, content=body, headers=headers) as answer:
        async for part in answer.aiter_raw():
          data += part
          if len(data) > MAX_ANSWER:
            within.cancel()
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as exc:
      # The last is a host that is no name.
      raise NoAnswer(f"cannot be reached: {type(exc).__name__}") from None
  if len(data) > MAX_ANSWER:
    raise NoAnswer(f"answered more than {MAX_ANSWER // 1024} KiB")
  if within.cancelled_caught:
    raise NoAnswer(f"did not answer within {settings.seconds:g} s")
  if answer.status_code != 200:
    reason = own_words(bytes(data), 200, [settings.key] if settings.key else [])
    said = f": {reason}" if reason else ""
    raise NoAnswer(
      f"answered with HTTP {answer.status_code}{said}{_HINTS.get(answer.status_code, '')}"
    )
  return bytes(data)


def _content(data: bytes) -> bytes:
  try:
    (choice, *_) = msgspec.json.decode(data, type=_Completion).choices
  except (ValueError, RecursionError):
    raise NoAnswer("did not answer in the form of chat completions") from None
  if choice.message.refusal or choice.finish_reason == "content_filter":
    raise NoAnswer("declined to answer")
  if choice.finish_reason == "length":
    raise NoAnswer("answered with less than the whole")
  content = choice.message.content or ""
  if len(content.encode()) > MAX_CONTENT:
    raise NoAnswer(f"answered more than {MAX_CONTENT // 1024} KiB")
  return _bare(content).encode()


def _bare(content: str) -> str:
  """The JSON of an answer, without what models put around it: their thoughts before, and a fence of
  Markdown."""
  content = content.rpartition("</think>")[2].strip()
  if content.startswith("```") and content.endswith("```"):
    content = content.removeprefix("```").removeprefix("json").removesuffix("```")
  return content
