//! Damages, six bytes each: what is done, to which file, where (u16), and two numbers.
//!
//! | first byte | what |
//! |---|---|
//! | `x` | the byte at the place is changed |
//! | `c` | the file is cut at the place |
//! | `t` | so many bytes of one value are put behind it |
//! | `o` | so many bytes of the input are written over it at the place |
//! | `i` | so many bytes of the input are put in at the place |
//! | `d` | so many bytes are taken out at the place |
//! | `r` | the file is removed |
//! | `n` | a copy of it is made for the epoch and the offset that the numbers are |
//! | `g` | a piece of it, as long as the numbers are, is put behind the next file |
//! | `s` | at last, all checksums are made right |

use super::{Files, SEGMENT, sealed};

/// Damages at most.
const DAMAGES_MAX: usize = 16;
/// A file does not grow beyond it.
const FILE_MAX_BYTES: usize = 1 << 16;

/// Damages files as `input` says.
pub(super) fn apply(mut input: &[u8], files: &mut Files) {
    let mut is_sealed = false;
    for _ in 0..DAMAGES_MAX {
        let Some((&[kind, file, low, high, a, b], rest)) = input.split_first_chunk() else { break };
        input = rest;
        let (now, later) = input.split_at(input.len().min(a.into()));
        let names: Vec<String> = files.keys().cloned().collect();
        let Some(name) = names.get(usize::from(file) % names.len().max(1)) else { break };
        let Some(bytes) = files.get_mut(name) else { break };
        let at = usize::from(u16::from_le_bytes([low, high])).min(bytes.len());
        match kind {
            b'x' => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= a.max(1)),
            b'c' => bytes.truncate(at),
            b't' => bytes.extend(std::iter::repeat_n(b, a.into())),
            b'o' => {
                bytes.iter_mut().skip(at).zip(now).for_each(|(byte, new)| *byte = *new);
                input = later;
            }
            b'i' => {
                bytes.splice(at..at, now.iter().copied());
                input = later;
            }
            b'd' => {
                bytes.drain(at..(at + usize::from(a)).min(bytes.len()));
            }
            b'r' => {
                files.remove(name);
            }
            b'n' => {
                let copy = bytes.clone();
                files.insert(format!("{a:010}-{b:020}{SEGMENT}"), copy);
            }
            b'g' => {
                let length = usize::from(u16::from_le_bytes([a, b]));
                let piece = bytes[at..(at + length).min(bytes.len())].to_vec();
                let next = names.iter().cycle().skip_while(|other| *other != name).nth(1);
                files.entry(next.unwrap_or(name).clone()).or_default().extend(piece);
            }
            b's' => is_sealed = true,
            _ => {}
        }
        files.values_mut().for_each(|bytes| bytes.truncate(FILE_MAX_BYTES));
    }
    if is_sealed {
        sealed::make_right(files);
    }
}
