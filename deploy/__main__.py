"""``python -m deploy`` deploys the service."""

import os
import sys

from deploy.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
