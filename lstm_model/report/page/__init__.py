"""The page of a night: from one typed content to one HTML file."""
