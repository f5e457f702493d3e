"""`python -m depthart`."""

import sys

from depthart.cli import main

if __name__ == "__main__":
    sys.exit(main())
