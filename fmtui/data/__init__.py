"""Data as people have it: read, checked, split."""
