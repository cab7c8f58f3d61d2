"""The reference pages say what the code says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from scripts.reference import DOCS, PAGES  # noqa: E402  the scripts are not installed


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_what_the_code_says(name):
    """`python -m scripts.reference` writes it anew."""
    assert (DOCS / name).read_text("utf-8") == PAGES[name]()
