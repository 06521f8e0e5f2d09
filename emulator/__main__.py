"""``python -m emulator`` starts the local suite."""

import sys

from emulator.suite.command import main

if __name__ == "__main__":
    sys.exit(main())
