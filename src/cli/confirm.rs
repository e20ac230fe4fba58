//! The question before something is deleted.

use std::io::{self, IsTerminal};

use clap::Args;

use super::{CliError, output};

/// Whether to ask.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct ConfirmArgs {
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
}

impl ConfirmArgs {
    /// Asks the user whether to do what `what` says, unless `--yes` was given.
    ///
    /// # Errors
    /// When there is no terminal, or the answer is no.
    pub(super) fn confirm(self, what: &str) -> Result<(), CliError> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            return Err(CliError::Usage(format!(
                "this would {what}; there is no terminal to ask, and --yes does it without"
            )));
        }
        output::print_note(&format!("This would {what}. Type `yes` to go on:"));
        let mut line = String::new();
        io::stdin().read_line(&mut line).map_err(anyhow::Error::from)?;
        match line.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(CliError::Failed(anyhow::anyhow!("nothing was done"))),
        }
    }
}
