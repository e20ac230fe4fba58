//! Which of many files to merge, so that each is rewritten seldom.
//!
//! Small files are merged first, into one that is larger than each. What is written once is
//! rewritten about log₂(all / once) times in its life.

/// The smallest files, as long as the next one is not more than twice what is chosen already, and
/// all together are at most `size_max`.
pub(crate) fn choose<T>(mut files: Vec<T>, size: impl Fn(&T) -> u64, size_max: u64) -> Vec<T> {
    files.sort_by_key(&size);
    let (mut count, mut chosen) = (0, 0_u64);
    for next in files.iter().map(size) {
        let all = chosen.saturating_add(next);
        if all > size_max || (count >= 2 && next > chosen.saturating_mul(2)) {
            break;
        }
        (count, chosen) = (count + 1, all);
    }
    files.truncate(count);
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_are_chosen_up_to_the_bound() {
        let choose = |sizes: &[u64], most| choose(sizes.to_vec(), |size| *size, most);
        assert_eq!(choose(&[9, 1, 1, 2, 100], 1000), [1, 1, 2]);
        assert_eq!(choose(&[1, 1, 2, 8, 24], 1000), [1, 1, 2, 8, 24]);
        assert_eq!(choose(&[1, 90], 1000), [1, 90]);
        assert_eq!(choose(&[5, 5, 5, 5], 16), [5, 5, 5]);
        assert_eq!(choose(&[50, 50], 16), [0_u64; 0]);
        assert_eq!(choose(&[u64::MAX, u64::MAX], u64::MAX), [u64::MAX, u64::MAX]);
    }

    #[test]
    fn many_equal_files_are_each_rewritten_seldom() {
        let mut files: Vec<u64> = Vec::new();
        let mut written = 0;
        for _ in 0..1000 {
            files.extend([1]);
            if files.len() > 8 {
                let merged = choose(files.clone(), |size| *size, u64::MAX);
                let size = merged.iter().sum();
                written += size;
                for part in merged {
                    let at = files.iter().position(|size| *size == part).unwrap();
                    files.swap_remove(at);
                }
                files.push(size);
            }
        }
        assert_eq!(files.iter().sum::<u64>(), 1000);
        assert!(written < 1000 * 10, "{written} written for 1,000");
    }
}
