//! Man pages and shell completions of the command line.

use std::{io, path::Path};

use clap::Command;
use clap_complete::{Shell, generate_to};

/// The shells that completions are made for.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Writes man pages for the command and each of its subcommands (`initlab.1`), and completions
/// (`initlab.bash`, `_initlab`, `initlab.fish`) into an existing directory.
///
/// # Errors
/// Those of the file system.
pub fn write(command: Command, directory: &Path) -> io::Result<()> {
    // `initlab help` is the same as `--help`: it needs no page.
    let mut command = command.disable_help_subcommand(true);
    for shell in SHELLS {
        let name = command.get_name().to_owned();
        generate_to(shell, &mut command, name, directory)?;
    }
    clap_mangen::generate_to(command, directory)
}
