"""Everything that touches the world: network, disk, Optuna storage, processes, MLflow."""
