"""chatapp: a terminal chat for a language model on your own machine, that shows how the model decides."""

__version__ = "0.1.0"
