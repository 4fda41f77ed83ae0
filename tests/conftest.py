"""How properties are tried: never against the clock, as machines differ; the same examples every time in CI."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("kunji", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("kunji")
