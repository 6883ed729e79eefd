"""gridkeeper runs the operations loop of a federated computing infrastructure."""

__version__ = "0.1.0"
