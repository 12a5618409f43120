"""What fmtui can do, once, for the command line and for the screens alike."""
