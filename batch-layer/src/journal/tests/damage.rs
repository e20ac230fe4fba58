//! What a journal makes of files that are not as it wrote them.

use std::io::{Read, Seek, SeekFrom, Write};

use super::*;
use crate::journal::frame::{EncodedFrame, FRAME_HEADER_BYTES};
use crate::journal::segment::SEGMENT_HEADER_BYTES;

/// A journal of two closed segments and an open one with several records; the ends of its records.
fn written(directory: &TempDir) -> Vec<Offset> {
    let journal = open(directory);
    let mut ends = vec![Offset(0)];
    for n in 0..7 {
        ends.push(journal.append(&events(n * 2, 2)).unwrap().end());
        if n == 1 {
            journal.seal().unwrap();
        }
    }
    assert_eq!(segment_files(directory.path()).len(), 3);
    ends
}

/// Changes bits of one byte, in place.
fn flip(path: &Path, byte: usize, mask: u8) {
    let mut file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut bytes = [0];
    file.seek(SeekFrom::Start(byte as u64)).unwrap();
    file.read_exact(&mut bytes).unwrap();
    file.seek(SeekFrom::Start(byte as u64)).unwrap();
    file.write_all(&[bytes[0] ^ mask]).unwrap();
}

fn copy(from: &TempDir) -> TempDir {
    let to = TempDir::new().unwrap();
    fs::create_dir(to.path().join(JOURNAL_DIRECTORY)).unwrap();
    for entry in fs::read_dir(from.path().join(JOURNAL_DIRECTORY)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        fs::copy(&path, to.path().join(JOURNAL_DIRECTORY).join(name)).unwrap();
    }
    to
}

#[test]
fn a_tail_cut_at_any_byte_leaves_the_records_before_it() {
    let directory = TempDir::new().unwrap();
    let ends = written(&directory);
    let last = segment_files(directory.path()).pop().unwrap();
    let whole = fs::read(&last).unwrap();
    let first: u64 = last.file_stem().unwrap().to_str().unwrap()[11..].parse().unwrap();
    let mut kept = Vec::new();
    for size in (0..whole.len()).rev() {
        fs::write(&last, &whole[..size]).unwrap();
        let journal = open_hastily(directory.path()).unwrap();
        assert!(ends.contains(&journal.end()) && journal.end() >= Offset(first));
        kept.push(journal.end());
        if size % 97 == 0 || size < SEGMENT_HEADER_BYTES {
            // It goes on where it was cut.
            let end = journal.end();
            assert_eq!(read_all(&journal, Offset(0)), events(0, end.0));
            let committed = journal.append(&events(end.0, 1)).unwrap();
            assert_eq!((committed.first, committed.epoch), (end, Epoch(1)));
            drop(journal);
            assert_eq!(read_all(&open(&directory), Offset(0)), events(0, end.0 + 1));
        }
    }
    assert!(kept.is_sorted_by(|longer, shorter| longer >= shorter));
    kept.dedup();
    let expected: Vec<_> =
        ends.iter().rev().skip(1).filter(|end| **end >= Offset(first)).copied().collect();
    assert_eq!(kept, expected);
}

#[test]
fn a_tail_of_zeros_or_garbage_is_cut_off() {
    let directory = TempDir::new().unwrap();
    written(&directory);
    let last = segment_files(directory.path()).pop().unwrap();
    let whole = fs::read(&last).unwrap();
    let garbage: Vec<u8> =
        (0..5000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for tail in [vec![0; 1], vec![0; 4096], vec![0xFF; 100], garbage, whole.clone()] {
        fs::write(&last, [&whole[..], &tail].concat()).unwrap();
        assert_eq!(read_all(&open(&directory), Offset(0)), events(0, 14));
        assert_eq!(fs::read(&last).unwrap(), whole);
    }
}

#[test]
fn any_flipped_bit_refuses_or_costs_only_the_last_record() {
    let directory = TempDir::new().unwrap();
    let ends = written(&directory);
    let before_last = ends[ends.len() - 2];
    let (mut refused, mut opened) = (0, 0);
    for (index, path) in segment_files(directory.path()).iter().enumerate() {
        let whole = fs::read(path).unwrap();
        let name = path.display().to_string();
        for bit in 0..whole.len() * 8 {
            flip(path, bit / 8, 1 << (bit % 8));
            match open_hastily(directory.path()) {
                Err(error) => {
                    refused += 1;
                    assert!(error.to_string().contains(&name), "{error}");
                    flip(path, bit / 8, 1 << (bit % 8));
                }
                Ok(journal) => {
                    opened += 1;
                    assert_eq!((index, journal.end()), (2, before_last), "bit {bit}");
                    if opened % 100 == 1 {
                        assert_eq!(read_all(&journal, Offset(0)), events(0, before_last.0));
                    }
                    // Not `fs::write`: file systems flush what is emptied and written again.
                    let file = fs::OpenOptions::new().write(true).open(path);
                    file.unwrap().write_all(&whole).unwrap();
                }
            }
        }
        assert_eq!(fs::read(path).unwrap(), whole);
    }
    assert!(refused > 0 && opened > 0, "{refused} refused, {opened} opened");
}

#[test]
fn damage_behind_the_back_of_an_open_journal_is_an_error_and_never_data() {
    let directory = TempDir::new().unwrap();
    written(&directory);
    for path in segment_files(directory.path()) {
        let journal = open(&directory);
        let whole = fs::read(&path).unwrap();
        for byte in (SEGMENT_HEADER_BYTES..whole.len()).step_by(41) {
            flip(&path, byte, 8);
            let mut at = Offset(0);
            let mut failed = false;
            for committed in journal.read(Offset(0)).unwrap() {
                match committed {
                    Ok(committed) => {
                        let count = committed.events.len() as u64;
                        assert_eq!(committed.events, events(at.0, count));
                        at = committed.end();
                    }
                    Err(error) => {
                        failed = true;
                        assert!(matches!(error, JournalError::Corrupt(_)), "{error}");
                    }
                }
            }
            assert!(failed, "byte {byte} of {} went unseen", path.display());
            fs::write(&path, &whole).unwrap();
        }
    }
}

#[test]
fn a_damaged_record_before_a_whole_one_is_refused_with_file_and_byte() {
    let directory = TempDir::new().unwrap();
    written(&directory);
    let last = segment_files(directory.path()).pop().unwrap();
    // Its first record's payload, length and checksum.
    for byte in [SEGMENT_HEADER_BYTES + 200, SEGMENT_HEADER_BYTES, SEGMENT_HEADER_BYTES + 5] {
        flip(&last, byte, 4);
        let refused = refusal(directory.path());
        assert!(refused.contains(&format!("{} at byte 64: ", last.display())), "{refused}");
        assert!(refused.contains("a whole record follows at"), "{refused}");
        flip(&last, byte, 4);
    }
}

#[test]
fn a_missing_segment_is_refused() {
    let directory = TempDir::new().unwrap();
    written(&directory);
    let files = segment_files(directory.path());
    let middle = copy(&directory);
    fs::remove_file(middle.path().join(JOURNAL_DIRECTORY).join(files[1].file_name().unwrap()))
        .unwrap();
    let refused = refusal(middle.path());
    assert!(refused.contains("the segment before ends at 4"), "{refused}");
    for path in files {
        fs::remove_file(path).unwrap();
    }
    let refused = refusal(directory.path());
    assert!(refused.contains("but no segment"), "{refused}");
}

#[test]
fn a_segment_of_another_journal_is_refused() {
    let (directory, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    written(&directory);
    written(&other);
    let (here, there) = (segment_files(directory.path()), segment_files(other.path()));
    fs::copy(&there[1], &here[1]).unwrap();
    let refused = refusal(directory.path());
    assert!(refused.contains("it belongs to journal"), "{refused}");

    fs::rename(&there[1], there[1].with_file_name("copy.log")).unwrap();
    assert!(refusal(other.path()).contains("is not named as a segment is"));
}

#[test]
fn a_segment_of_another_history_is_refused() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    journal.append(&events(0, 2)).unwrap();
    drop(journal);
    let restored = copy(&directory);
    for (place, from) in [(&directory, 10), (&restored, 20)] {
        let journal = open(place);
        journal.append(&events(from, 2)).unwrap();
        journal.seal().unwrap();
        journal.append(&events(30, 2)).unwrap();
    }
    let (here, there) = (segment_files(directory.path()), segment_files(restored.path()));
    fs::copy(&there[1], &here[1]).unwrap();
    let refused = refusal(directory.path());
    assert!(refused.contains("another history"), "{refused}");
}

#[test]
fn a_missing_or_damaged_id_is_refused() {
    let directory = TempDir::new().unwrap();
    written(&directory);
    let path = directory.path().join(JOURNAL_DIRECTORY).join("id");
    let whole = fs::read(&path).unwrap();
    for byte in 0..whole.len() {
        flip(&path, byte, 2);
        assert!(FileJournal::open(directory.path(), small()).is_err(), "byte {byte}");
        fs::write(&path, &whole).unwrap();
    }
    fs::remove_file(&path).unwrap();
    let refused = refusal(directory.path());
    assert!(refused.contains("the file `id` beside it is missing"), "{refused}");
}

#[test]
fn a_first_start_that_was_cut_short_begins_anew() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    drop(journal);
    let file = segment_files(directory.path()).pop().unwrap();
    let header = fs::read(&file).unwrap();
    for size in 0..=header.len() {
        fs::remove_file(directory.path().join(JOURNAL_DIRECTORY).join("id")).unwrap();
        fs::write(&file, &header[..size]).unwrap();
        let journal = open(&directory);
        assert_eq!((journal.start(), journal.end()), (Offset(0), Offset(0)));
        journal.append(&events(0, 1)).unwrap();
        drop(journal);
        assert_eq!(read_all(&open(&directory), Offset(0)), events(0, 1));
    }
}

#[test]
fn a_sealed_epoch_survives_the_loss_of_its_segments_header() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    journal.append(&events(0, 3)).unwrap();
    let boundary = journal.seal().unwrap();
    drop(journal);
    let last = segment_files(directory.path()).pop().unwrap();
    for damaged in [vec![], vec![0; 30], vec![0; SEGMENT_HEADER_BYTES]] {
        fs::write(&last, damaged).unwrap();
        let journal = open(&directory);
        assert_eq!(journal.seal().unwrap(), boundary);
        drop(journal);
        assert_eq!(open(&directory).end(), Offset(3));
    }
    // With nothing before it, nothing tells the checksum that it must have held.
    open(&directory).trim(Offset(3)).unwrap();
    fs::write(&last, []).unwrap();
    assert!(refusal(directory.path()).contains("no segment is before it"));
}

#[test]
fn a_damaged_header_before_records_is_refused() {
    let directory = TempDir::new().unwrap();
    written(&directory);
    let last = segment_files(directory.path()).pop().unwrap();
    flip(&last, 33, 1);
    assert!(refusal(directory.path()).contains("at byte 0: the checksum of its header"));
}

#[test]
fn newer_formats_are_refused_as_such() {
    let directory = TempDir::new().unwrap();
    written(&directory);
    let last = segment_files(directory.path()).pop().unwrap();
    let whole = fs::read(&last).unwrap();
    let mut newer = whole.clone();
    newer[8] = 2;
    fs::write(&last, newer).unwrap();
    assert!(refusal(directory.path()).contains("has journal format 2, this version"));

    // A record's version, with the checksum that a newer writer would give it.
    let mut newer = whole;
    let frame = &mut newer[SEGMENT_HEADER_BYTES..];
    let size = 8 + u32::from_le_bytes([frame[0], frame[1], frame[2], frame[3]]) as usize;
    frame[8] = 9;
    seal_frame(&mut frame[..size]);
    fs::write(&last, newer).unwrap();
    assert!(refusal(directory.path()).contains("has record format 9, this version"));
}

/// Gives a frame the checksum of what it now holds.
fn seal_frame(frame: &mut [u8]) {
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&frame[..4]), &frame[8..]);
    frame[4..8].copy_from_slice(&checksum.to_le_bytes());
}

#[test]
fn a_record_that_a_defect_wrote_is_an_error_and_no_panic() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    journal.append(&events(0, 3)).unwrap();
    let path = segment_files(directory.path()).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let mut failed = 0;
    for byte in SEGMENT_HEADER_BYTES + FRAME_HEADER_BYTES..whole.len() {
        let mut bytes = whole.clone();
        bytes[byte] ^= 0x11;
        seal_frame(&mut bytes[SEGMENT_HEADER_BYTES..]);
        fs::write(&path, bytes).unwrap();
        let read = journal.read(Offset(0)).unwrap().next().unwrap();
        if let Err(error) = read {
            failed += 1;
            assert!(error.to_string().contains("a record is not events"), "{error}");
        }
    }
    assert!(failed > 100, "{failed}");
}

#[test]
fn frames_with_a_right_checksum_in_a_wrong_place_are_refused() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    let committed = journal.append(&events(0, 2)).unwrap();
    drop(journal);
    let path = segment_files(directory.path()).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    for (first, previous) in [(0, committed.checksum), (3, committed.checksum), (2, 7)] {
        let mut frame = EncodedFrame::encode(&events(2, 2), usize::MAX).unwrap();
        frame.place(Offset(first), previous);
        fs::write(&path, [&whole[..], frame.bytes()].concat()).unwrap();
        let refused = refusal(directory.path());
        assert!(refused.contains(&format!("at byte {}: ", whole.len())), "{refused}");
    }
    let mut frame = EncodedFrame::encode(&events(2, 2), usize::MAX).unwrap();
    frame.place(Offset(2), committed.checksum);
    fs::write(&path, [&whole[..], frame.bytes()].concat()).unwrap();
    assert_eq!(read_all(&open(&directory), Offset(0)), events(0, 4));
}

/// Found by fuzzing: a segment that was cut to less than a header was gone after the refusal.
#[test]
fn a_journal_without_its_id_is_refused_and_left_as_it_is() {
    let directory = TempDir::new().unwrap();
    written(&directory);
    let segments = segment_files(directory.path());
    fs::remove_file(directory.path().join(JOURNAL_DIRECTORY).join("id")).unwrap();
    fs::write(&segments[0], b"MRG").unwrap();
    let error = open_hastily(directory.path()).unwrap_err().to_string();
    assert!(error.contains("`id` beside it is missing"), "{error}");
    assert_eq!(segment_files(directory.path()), segments);
}
