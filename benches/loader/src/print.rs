//! The events of a load as text, so that other engines take in the same bytes.

use std::io::Write;

use crate::PrintArgs;
use crate::events::Template;

/// Events that are written at a time.
const PART: u64 = 1000;

pub(crate) fn run(args: &PrintArgs) -> anyhow::Result<()> {
    let template = Template::read(&args.data)?;
    let (mut out, mut body) = (std::io::stdout().lock(), Vec::new());
    for first in (0..args.events).step_by(PART as usize) {
        let count = PART.min(args.events - first) as usize;
        template.write(&mut body, args.kind, 1, first, count);
        out.write_all(&body)?;
    }
    Ok(())
}
