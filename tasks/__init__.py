"""Everything with side effects: network, disk, processes, storage, MLflow."""

import os

# MLflow reads these on its first import: no telemetry, and no models that need unpickling.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# With the default of seven, a user waits minutes for a server that does not exist.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
