"""What the registry says, in the formats of other programs: calendars, news readers, maps, Prometheus, OSG's tools.

It reads only; docs/decisions/0012 says why it is a package of its own. Every feed takes the filters of `filters.py`,
answers `as_of=`, and carries an ETag (`answers.py`).
"""
