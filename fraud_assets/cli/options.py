"""Options that several commands share."""

from getpass import getuser
from pathlib import Path

import click

ACTOR = click.option(
    "--actor",
    default=getuser,
    help="Who asks for it, recorded in the decision log. Default: your login.",
)
ACCOUNTS = click.option(
    "--accounts",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="FRAUD_ACCOUNTS",
    default="accounts.json",
    show_default=True,
    help="The file with the local accounts.",
)
