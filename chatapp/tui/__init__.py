"""The terminal interface: an app, its screens, its widgets and one style sheet for each."""
