"""Forms: each says what it is about to run, as the exact command."""
