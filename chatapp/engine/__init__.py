"""The engine: a process of its own for each loaded model, and the app's side of the pipe to it."""
