import sys
from pathlib import Path

# installed.py and scored.py are beside the tests, wordlists.py beside the package.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
