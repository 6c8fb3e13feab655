"""MLflow: runs, model registry and the served model."""
