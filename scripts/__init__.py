"""Programs for those who work on chatapp; none of it is installed."""
