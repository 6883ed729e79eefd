"""Pages of people: signing in by whatever way, a person's own account, who is who."""
