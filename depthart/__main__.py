"""`python -m depthart`."""

import os
import sys

from depthart.cli import main

if __name__ == "__main__":
    # Before torch loads OpenMP: idle threads that spin slow a busy machine down up to 30 times.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(main())
