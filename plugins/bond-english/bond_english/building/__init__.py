"""From selections of data to a spec: sources, conditions, windows and samples."""
