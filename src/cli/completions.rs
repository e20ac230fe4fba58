//! `merganser completions`: a script that lets a shell complete commands and flags.

use clap::{Args, CommandFactory};
use clap_complete::aot::{Shell, generate};

use super::{CliError, CommandLine, output};

/// Arguments of `merganser completions`.
#[derive(Args, Debug)]
pub(super) struct CompletionsArgs {
    /// The shell that it is for
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub(super) fn run(args: &CompletionsArgs) -> Result<(), CliError> {
    Ok(output::print(&script(args.shell))?)
}

/// Made in memory: what writes it would panic where stdout is closed.
fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    generate(shell, &mut CommandLine::command(), "merganser", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_learns_every_command() {
        for shell in Shell::value_variants() {
            let script = script(*shell);
            for command in CommandLine::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
            assert!(script.contains("speed-store"), "{shell}");
        }
    }
}
