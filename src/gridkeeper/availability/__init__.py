"""How good it is: timelines and figures from results, downtimes and topology."""
