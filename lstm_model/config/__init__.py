"""Every knob of a night, parsed once."""
