"""`python -m fmtui` is `fmtui`."""

from fmtui.cli import main

if __name__ == "__main__":
    main()
