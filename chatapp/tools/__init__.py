"""Tools for the assistant: what there is, how it is offered to a model, and how its calls are read.

Nothing here carries one out: see `chatapp.calls`.
"""
