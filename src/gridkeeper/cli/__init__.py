"""The `gridkeeper` command: parses arguments, calls what the packages offer."""
