"""What you see: one module a screen."""
