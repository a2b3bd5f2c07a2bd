"""HarfBuzz, whose Python binding has no types."""

from typing import Any

import uharfbuzz

hb: Any = uharfbuzz
