"""`python -m prelo` is the command `prelo`."""

from prelo.entry.cli import main

main()
