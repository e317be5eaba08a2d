import sys
from pathlib import Path

# The stand-ins and the table are modules beside the tests.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
