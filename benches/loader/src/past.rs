//! How far copies of the sample file lie in the past, so that the service takes all of them.

const WEEK_MS: i64 = 7 * 86_400_000;
/// A year that keeps the days of the week.
const STEP_MS_MAX: i64 = 52 * WEEK_MS;
const MINUTE_MS: i64 = 60_000;
/// 1901: the service takes events from 1900 on.
const OLDEST_MS: i64 = -2_177_452_800_000;
/// Milliseconds closer to 1970 are refused, since they look like seconds.
const NEAR_1970_MS: i64 = 100_000_000_000;

/// The copies, numbered from the newest, which is the file itself. Each is whole weeks older than
/// the one before, none has a time that is refused, and after the oldest they start over, a minute
/// earlier each time.
#[derive(Debug)]
pub(crate) struct Past {
    step_ms: i64,
    /// Copies after 1970, and the steps over it that have none.
    after_1970: u64,
    without: u64,
    copies: u64,
}

impl Past {
    /// Of a file with these times; `None` of one that has none, or whose times are too old.
    pub(crate) fn of(times: &[i64]) -> Option<Self> {
        let (oldest, newest) = (*times.iter().min()?, *times.iter().max()?);
        let step_ms = ((newest - oldest) / WEEK_MS + 1).saturating_mul(WEEK_MS).min(STEP_MS_MAX);
        // The steps that keep the whole file above a time, and those that bring it below one.
        let above = |time: i64| u64::try_from((oldest - time).div_euclid(step_ms) + 1).ok();
        let below = |time: i64| u64::try_from(-(time - newest).div_euclid(step_ms)).ok();
        let after_1970 = above(NEAR_1970_MS).filter(|copies| *copies > 0)?;
        let before_1970 = below(-NEAR_1970_MS)?;
        let (without, all) = (before_1970 - after_1970, above(OLDEST_MS)?);
        Some(Self { step_ms, after_1970, without, copies: all - without })
    }

    /// How much older than the file copy number `copy` is.
    pub(crate) fn shift_ms(&self, copy: u64) -> i64 {
        let (round, copy) = (copy / self.copies, copy % self.copies);
        let steps = if copy < self.after_1970 { copy } else { copy + self.without };
        steps as i64 * self.step_ms + round as i64 * MINUTE_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;
    /// The start of 2013.
    const START_MS: i64 = 1_356_998_400_000;

    #[test]
    fn no_copy_has_a_time_that_is_refused() {
        for days in [1, 31, 365, 800] {
            let times = [START_MS, START_MS + days * DAY_MS - 1];
            let past = Past::of(&times).unwrap();
            let mut shifts: Vec<i64> = (0..past.copies).map(|copy| past.shift_ms(copy)).collect();
            assert_eq!(shifts[0], 0, "{days} days");
            for time in shifts.iter().flat_map(|shift| times.map(|time| time - shift)) {
                assert!(time >= OLDEST_MS, "{days} days: {time}");
                assert!(time.abs() >= NEAR_1970_MS, "{days} days: {time}");
            }
            shifts.dedup();
            assert_eq!(shifts.len() as u64, past.copies, "{days} days");
            assert_eq!(past.shift_ms(past.copies), MINUTE_MS, "{days} days");
        }
    }

    #[test]
    fn a_file_without_times_to_go_back_is_refused() {
        assert!(Past::of(&[]).is_none());
        assert!(Past::of(&[0]).is_none());
    }
}
