"""The vocabulary: statuses and their algebra, time windows, identifiers, units.

Pure Python: no Django, no I/O, no clock. Every other package speaks in these words.
"""
