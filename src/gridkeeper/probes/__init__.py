"""Tests: their definitions, running them, their results on the way in, their latest status."""
