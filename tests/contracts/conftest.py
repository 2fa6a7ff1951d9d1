"""Helpers of these tests (`worlds`, `closed_form`) are importable by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
# the worlds of the table of recovery
sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "recovery"))
