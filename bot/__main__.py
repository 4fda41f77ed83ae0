"""`python -m bot`, the same as `kunji`."""

import sys

from kunji.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
