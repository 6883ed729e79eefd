"""Requests that figures be made otherwise than the results alone say (availability.md section 5).

A request is made (`actions.request`), decided by the federation's staff, computed into the figures of its days by
compute.py, and may be reverted. What it says is `documents`, what it does to a day's tree `rules`.
"""
