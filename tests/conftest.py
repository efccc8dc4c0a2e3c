"""Keep what Hypothesis remembers with everything else that is generated."""

import os

os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", "_build/.hypothesis")
