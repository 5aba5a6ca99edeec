"""Fixtures every test may use."""

import os
import signal

# Nothing in a test may call home, and none of these tools needs to.
os.environ.update(
    DVC_NO_ANALYTICS="1",
    DO_NOT_TRACK="1",
    GX_ANALYTICS_ENABLED="false",
    MLFLOW_DISABLE_TELEMETRY="true",
    HF_HUB_OFFLINE="1",
)

# Tests press Ctrl-C on programs they start; where the tests themselves run in the background, a shell has
# switched that signal off for all of them.
signal.signal(signal.SIGINT, signal.default_int_handler)
