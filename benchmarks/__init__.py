"""Each hot path against its peer or its physical limit, measured in the same run. `make bench` prints the table."""
