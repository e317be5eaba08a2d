"""What `bond run` says, and how it ends, where a venue has a part of what a spec names."""

import subprocess
import sys


def test_a_market_that_is_not_there_is_a_failure_and_the_rest_runs(tmp_path):
  spec = tmp_path / "part.yaml"
  spec.write_text("sources: {t: {use: binance.trades, with: {symbols: [BTC/USDT, NOPE/USDT]}}}\n")
  command = [sys.executable, "-m", "bond_core", "run", str(spec), "--sim", "--json"]
  ran = subprocess.run(
    [*command, "--duration", "4s"], capture_output=True, text=True, timeout=120, check=False
  )
  assert ran.returncode == 1, ran.stderr
  (failed,) = [line for line in ran.stderr.splitlines() if line.startswith("failed: ")]
  assert failed.startswith("failed: sources.t: ")
  assert "NOPE" in failed
  assert '"symbol":"BTC/USDT"' in ran.stdout
