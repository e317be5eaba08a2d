import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bond_llm_parser import parsing
from stub_model import serving


@pytest.fixture
def model(monkeypatch):
  """A server that is configured as the language model."""
  parsing._divide.cache_clear()
  for name in ("KEY", "KEY_FILE", "SECONDS"):
    monkeypatch.delenv(f"BOND_LLM_{name}", raising=False)
  with serving() as stub:
    monkeypatch.setenv("BOND_LLM_URL", stub.url)
    monkeypatch.setenv("BOND_LLM_MODEL", "small-1")
    yield stub
