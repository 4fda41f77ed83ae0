"""How properties are tried: never against the clock, as machines differ; the same examples every time in CI."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

settings.register_profile("kunji", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("kunji")

# Programs that tests start inherit what is ignored here: `nohup` and a shell's `&` begin with signals that are.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
