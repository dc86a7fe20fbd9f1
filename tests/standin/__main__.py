"""`python tests/standin`: start the stand-in from a checkout without installing anything."""

import sys
from pathlib import Path

# Run as a folder, Python puts this folder first on the path. Its parent must stand there
# instead, so that the package has its name and no file here can shadow the standard library.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from standin.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
