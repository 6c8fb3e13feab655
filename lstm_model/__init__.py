"""Pure computation: values in, values out. Knows no Prefect, no MLflow, no Optuna storage."""
