//! Man pages and shell completions of the command line.

use std::{io, path::Path};

use clap::Command;
use clap_complete::{Shell, generate_to};

/// The shells that completions are made for.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Writes a man page for the command and for each of its subcommands (`initlab.1`), and completions
/// (`initlab.bash`, `_initlab`, `initlab.fish`) into the directory, which has to exist.
///
/// # Errors
/// What the file system says.
pub fn write(command: Command, directory: &Path) -> io::Result<()> {
    // `initlab help` is what `--help` is: no page of its own.
    let mut command = command.disable_help_subcommand(true);
    for shell in SHELLS {
        let name = command.get_name().to_owned();
        generate_to(shell, &mut command, name, directory)?;
    }
    clap_mangen::generate_to(command, directory)
}
