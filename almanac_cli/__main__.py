"""`python -m almanac_cli`."""

from almanac_cli.app import main

main()
