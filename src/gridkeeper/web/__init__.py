"""What every page shares: lists, filters, exports, htmx parts, status marks, middleware."""
