"""The mirror of catalogues elsewhere: entries, where they come from, and how they are stored."""
