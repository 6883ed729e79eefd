"""What days are judged by: operations, aggregation and thresholds profiles, reports and weights, as dated data."""
