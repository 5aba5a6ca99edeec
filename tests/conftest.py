"""Fixtures every test may use."""

import os

# Nothing in a test may call home, and none of these tools needs to.
os.environ.update(
    DVC_NO_ANALYTICS="1",
    DO_NOT_TRACK="1",
    GX_ANALYTICS_ENABLED="false",
    MLFLOW_DISABLE_TELEMETRY="true",
    HF_HUB_OFFLINE="1",
)
