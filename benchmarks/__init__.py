"""Ratios, measured side by side in one run: chatapp against an empty Textual app and a bare llama.cpp loop."""
