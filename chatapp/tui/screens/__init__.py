"""Screens: each one a class, a style sheet beside it in `styles/`."""
