//! The arguments of the command line.

use std::time::Duration;

/// How much of the campaign to run, and from which seed.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    pub(crate) seed: u64,
    /// `None` for the bounded share.
    pub(crate) minutes: Option<u64>,
    /// The one scenario to run.
    pub(crate) only: Option<String>,
    /// The bug to plant.
    pub(crate) planted: Option<String>,
    /// Plant each bug in turn.
    pub(crate) all_planted: bool,
}

impl Arguments {
    /// Reads them; what the test runner of Cargo adds is passed over.
    ///
    /// # Errors
    /// What is wrong, and what is known.
    pub(crate) fn read(given: impl Iterator<Item = String>) -> Result<Self, String> {
        use std::hash::{BuildHasher, RandomState};
        let seed = RandomState::new().hash_one(0) >> 32;
        let mut read = Self { seed, minutes: None, only: None, planted: None, all_planted: false };
        let mut given = given;
        while let Some(name) = given.next() {
            let mut value = || given.next().ok_or_else(|| format!("{name} needs a value"));
            match &*name {
                "--seed" => read.seed = number(&value()?)?,
                "--minutes" => read.minutes = Some(number(&value()?)?),
                "--only" => read.only = Some(value()?),
                "--planted" => read.planted = Some(value()?),
                "--all-planted" => read.all_planted = true,
                "--nocapture" | "--quiet" | "-q" => {}
                other => {
                    return Err(format!(
                        "`{other}` is unknown; known are --minutes N, --seed S, --only SCENARIO, \
                         --planted BUG and --all-planted"
                    ));
                }
            }
        }
        Ok(read)
    }

    /// How long a scenario may take that goes on as long as one lets it: its share in percent of
    /// the campaign, or `bounded` in the bounded share.
    pub(crate) fn share(&self, percent: u64, bounded: Duration) -> Duration {
        // A scenario alone has all of it.
        let percent = if self.only.is_some() { 100 } else { percent };
        self.minutes.map_or(bounded, |minutes| Duration::from_secs(minutes * 60 * percent / 100))
    }

    /// Whether this is more than the bounded share.
    pub(crate) fn is_long(&self) -> bool {
        self.minutes.is_some()
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}
