"""All settings of a night, parsed once."""
