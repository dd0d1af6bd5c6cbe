"""`python -m gm_core.cli` is `gm-core`."""

import sys

from gm_core.cli import main

sys.exit(main())
