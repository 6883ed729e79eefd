"""What exists: federation, NGIs, sites, services, endpoints, service types, downtimes."""
