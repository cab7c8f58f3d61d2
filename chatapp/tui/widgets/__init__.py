"""Widgets: each one draws itself from plain data and says what happened by a message."""
