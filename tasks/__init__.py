"""Everything that touches the world: network, disk, processes, storage, MLflow."""

import os

# MLflow reads these when it is imported, whoever does that first: no calls home, and no model that
# would have to be unpickled.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# Seven, the default, keeps a user waiting for minutes at a server that is not there.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
