"""Speed measured against the fastest tools at hand; equality of results is checked first."""
