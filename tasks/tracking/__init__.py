"""MLflow: runs, registry and the served model."""
