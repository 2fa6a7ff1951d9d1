"""Helpers of these tests (`data_builder`, `data_faults`) are importable by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
