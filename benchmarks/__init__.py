"""Benchmarks: ratios measured side by side; results in results/, a table in docs/benchmarks.md."""
