"""`make bench`: milliseconds and ratios, measured in one run."""

import inference  # noqa: F401  # sets what torch reads when it is loaded
