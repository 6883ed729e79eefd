"""Importers: outside formats become frozen records once, `apply` makes rows of them, a report names what did not fit.

`run.run_import` is the entry; one module per outside format (`osg`, `gocdb`) knows nothing of the database.
"""
