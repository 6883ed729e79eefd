"""ARGO's web API, for the programs that read it and the connectors that push to it (docs/reference/argo-api.md)."""
