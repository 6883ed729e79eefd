"""Facts: append-only tables of results, their logs and what is judged from them (Delta Lake)."""
