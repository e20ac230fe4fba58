//! Bounds: what is too much is refused or survived, and other clients are served meanwhile.

use crate::arguments::Arguments;
use crate::ledger::Violation;
use crate::random::Random;
use crate::report::Report;

/// All of them.
pub(crate) fn all(_: &Arguments, _: &Report, _: &mut Random) -> Result<(), Violation> {
    Ok(())
}
