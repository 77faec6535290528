"""linnet version"""

import platform

import click

from linnet import __version__


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"linnet {__version__} (Python {platform.python_version()})")
