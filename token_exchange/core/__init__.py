"""Values in, values out: no framework, no clock, no settings, no input or output."""
