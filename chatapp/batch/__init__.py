"""One persona over many inputs: rows in, results out, in a file that a killed run is taken up again from."""
