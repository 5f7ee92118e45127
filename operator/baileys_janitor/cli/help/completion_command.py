"""`baileys-janitor completion`: the script with which a shell completes commands, options, paths and names."""

from __future__ import annotations

import click

from baileys_janitor.cli.help.documented import Documented
from baileys_janitor.cli.terminal.output import write
from baileys_janitor.cli.terminal.problems import EXIT_DONE

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_BAILEYS_JANITOR_COMPLETE"


@click.command(
    "completion",
    cls=Documented,
    examples=(
        ('eval "$(baileys-janitor completion bash)"', "In ~/.bashrc."),
        (
            "baileys-janitor completion bash > ~/.local/share/bash-completion/completions/baileys-janitor",
            "Once, where bash-completion is installed: it is loaded at the first Tab.",
        ),
        ('eval "$(baileys-janitor completion zsh)"', "In ~/.zshrc, after compinit."),
        (
            "baileys-janitor completion fish > ~/.config/fish/completions/baileys-janitor.fish",
            "Once, for fish.",
        ),
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> int:
    """Print the script that completes commands, options, paths and tenants' names in SHELL.

    The script calls baileys-janitor at each Tab: after an update it needs no renewal.
    """
    from click.shell_completion import get_completion_class

    from baileys_janitor.cli.main import application

    found = get_completion_class(shell)
    assert found is not None
    write(found(application, {}, "baileys-janitor", VARIABLE).source())
    return EXIT_DONE
