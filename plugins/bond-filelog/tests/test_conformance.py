from bond_core.testing import LogConformance


class TestFile(LogConformance):
  name = "core.file"

  def keys(self, folder):
    return {"path": str(folder / "log")}


class TestFileThatWaitsForTheDisk(TestFile):
  def keys(self, folder):
    return {"path": str(folder / "log"), "mode": "power"}
