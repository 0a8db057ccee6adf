"""python -m inference.engine.parity DIR"""

from __future__ import annotations

import sys

import torch

from inference.engine.parity.runner import main

if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main(sys.argv[1]))
