import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from control_plane import serving


@pytest.fixture
async def api(tmp_path):
  async with serving(tmp_path) as found:
    yield found
