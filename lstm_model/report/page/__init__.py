"""The page of a night: one typed content in, one HTML file out."""
