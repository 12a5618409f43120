"""fmtui takes a foundation model from the catalogue to an endpoint without leaving the terminal."""

__version__ = "0.1.0"
