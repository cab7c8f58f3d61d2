"""Reminders: wall time, a time zone and a small closed set of rules, in plain words and in calendar files."""
