"""Figures of a month as they are published: versions that never change, with checksums, and what differs between them.

`actions.publish` makes a version, `queries` finds them, `document` says what stands in one, `outdated` notices that the
figures have changed since. Pages are elsewhere (reports).
"""
