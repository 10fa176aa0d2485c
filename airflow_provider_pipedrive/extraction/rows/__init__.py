"""Records become rows of typed, readable columns."""
