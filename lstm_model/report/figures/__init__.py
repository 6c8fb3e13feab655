"""Figures of a night: values in, Plotly figures out."""
