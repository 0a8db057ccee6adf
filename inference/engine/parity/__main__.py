"""python -m inference.engine.parity DIR [PATTERN]"""

from __future__ import annotations

import sys

from inference.engine.parity.runner import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], pattern="".join(sys.argv[2:3]) or "*"))
