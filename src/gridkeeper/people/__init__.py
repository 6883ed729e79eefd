"""Who acts: users, actors, permission checks, audit records, API tokens."""
