"""The HTTP API's assembly: authentication, problem details, OpenAPI, health and metrics."""
