"""Why a figure is what it is: a site's days down to the test result behind every second, and what would be otherwise.

branches: a judged day as a tree - judging: makes it, for many days and suppositions in one run of the plan - causes:
which results, downtimes and recomputations were behind a period - sentences: the same in words.
"""
