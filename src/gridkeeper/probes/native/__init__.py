"""Checks that run in process: no fork, one coroutine each.

A check takes a Target, its own arguments (a struct that refuses what it does not know) and a deadline, and gives an
Outcome; what goes wrong on the way is an Outcome with the cause in words, not an exception. The basic ones live here
(named in `basic`), the others come with the packs (`gridkeeper.probes.packs`); `gridkeeper.probes.checks` names all.
"""

from gridkeeper.probes.native.check import Check, CheckArgumentError, Outcome, Target

__all__ = ["Check", "CheckArgumentError", "Outcome", "Target"]
