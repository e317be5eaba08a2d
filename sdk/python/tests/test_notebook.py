"""The notebook of the examples runs from its first cell to its last."""

import json
import os
import random
import sys
from pathlib import Path

from bond_recordkit.format import Header
from bond_recordkit.writer import RecordingWriter

from bond_core import Trade, encode
from bond_core.testing import START_MS

NOTEBOOK = Path(__file__).parents[3] / "examples" / "walk-forward.ipynb"


def test_the_notebook_runs(tmp_path, monkeypatch, capsys):
  rng = random.Random(6)
  trades, now, price = [], START_MS, 100.0
  for number in range(1, 800):
    now += rng.randrange(1, 20)
    price += rng.uniform(-0.1, 0.1)
    market = {"exchange": "binance", "symbol": "BTC/USDT", "seq_internal": number}
    trades.append(Trade(**market, price=round(price, 2), size=1.0, ts_event=now))
  writer = RecordingWriter(tmp_path / "btc.jsonl.zst", lambda: Header(recording=""))
  writer.write([encode(trade) for trade in trades])
  writer.close()
  monkeypatch.chdir(tmp_path)
  monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
  cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
  names = {"__name__": "__main__"}
  for cell in cells:
    if cell["cell_type"] == "code":
      assert cell["outputs"] == []
      exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), names)
  said = capsys.readouterr().out
  assert "folds" in said
  assert "caught: " in said
  assert len(names["results"]) > 3
  assert len(names["decisions"]) > 100
