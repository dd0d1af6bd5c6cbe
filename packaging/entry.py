"""Where the frozen program starts: the same main as `gm-playground`, reached without an installed package."""

import multiprocessing
import os
import sys

if __name__ == "__main__":
    multiprocessing.freeze_support()  # a frozen child process starts here again, and must not open a second window
    os.environ["TORCHDYNAMO_DISABLE"] = "1"  # torch.compile would call a C++ compiler and read our source: none is here
    from app.__main__ import main

    sys.exit(main())
