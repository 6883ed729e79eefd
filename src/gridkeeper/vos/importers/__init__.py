"""VOs, and which services support them, as a step of the registry's importers."""
