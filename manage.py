#!/usr/bin/env python
"""Run a Django command of the spa."""

import os
import sys

# Everything else may need the database, and gets an embedded one where none is given.
SERVERLESS_COMMANDS = {
    "check",
    "collectstatic",
    "compilemessages",
    "diffsettings",
    "findstatic",
    "help",
    "makemessages",
    "makemigrations",
    "version",
}


def main() -> None:
    """Run the command that the command line names."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "spa.settings")
    if needs_servers(sys.argv):
        from spa import embedded

        try:
            embedded.start()
        except embedded.EmbeddedError as reason:
            sys.exit(str(reason))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


def needs_servers(argv: list[str]) -> bool:
    """Tell whether a command line names a command that may use the database."""
    command = argv[1] if len(argv) > 1 else "help"
    asks_for_help = command.startswith("-") or "--help" in argv or "-h" in argv
    return not asks_for_help and command not in SERVERLESS_COMMANDS


if __name__ == "__main__":
    main()
