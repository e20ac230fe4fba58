//! Where the objects are: the setting `--storage`, read and checked.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A storage's place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StorageAddress {
    /// In the data directory of this machine.
    #[default]
    DataDirectory,
    /// In a directory that several machines have, as on a network's file system.
    SharedDirectory(PathBuf),
    /// In a bucket of a service that speaks S3.
    S3(S3Address),
}

/// A folder of a bucket. Endpoint, region and credentials are those of the environment, under the
/// names that AWS's own tools read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Address {
    /// The bucket.
    pub bucket: String,
    /// What the names of all objects begin with, without slashes at its ends; empty for none.
    pub prefix: String,
}

impl fmt::Display for S3Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "s3://{}{slash}{}", self.bucket, self.prefix)
    }
}

impl fmt::Display for StorageAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DataDirectory => f.write_str("the data directory"),
            Self::SharedDirectory(directory) => write!(f, "file://{}", directory.display()),
            Self::S3(address) => address.fmt(f),
        }
    }
}

/// A setting that names no storage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a storage: {reason}")]
pub struct StorageAddressError {
    given: String,
    reason: &'static str,
}

const EXPECTED: &str = "expected s3://bucket/prefix, file:///directory for one that several \
                        machines have, or nothing for the data directory of this machine";
const DIRECTORY: &str = "a directory that several machines have is given from its root, as \
                         file:///mnt/merganser";
const BUCKET: &str = "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens";
const PREFIX: &str = "a prefix has letters, digits and -_.=/ only, and no empty or dotted parts";

/// Bytes of a prefix; names of objects have 1,024 in all.
const PREFIX_BYTES_MAX: usize = 512;

impl FromStr for StorageAddress {
    type Err = StorageAddressError;

    fn from_str(text: &str) -> Result<Self, StorageAddressError> {
        if text.is_empty() {
            return Ok(Self::DataDirectory);
        }
        let wrong = |reason| StorageAddressError { given: text.to_owned(), reason };
        if let Some(directory) = text.strip_prefix("file://") {
            let directory = PathBuf::from(directory);
            return match directory.is_absolute() {
                true => Ok(Self::SharedDirectory(directory)),
                false => Err(wrong(DIRECTORY)),
            };
        }
        let rest = text.strip_prefix("s3://").ok_or_else(|| wrong(EXPECTED))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_bucket(bucket) {
            return Err(wrong(BUCKET));
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        if !prefix.is_empty() && !is_prefix(prefix) {
            return Err(wrong(PREFIX));
        }
        Ok(Self::S3(S3Address { bucket: bucket.to_owned(), prefix: prefix.to_owned() }))
    }
}

/// By the rules for names of buckets, as far as they are about characters.
fn is_bucket(name: &str) -> bool {
    let is_inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-".contains(&c);
    let is_outer = |c: Option<&u8>| c.is_some_and(|c| is_inner(*c) && *c != b'-' && *c != b'.');
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|c| is_inner(*c))
        && is_outer(bytes.first())
        && is_outer(bytes.last())
}

/// Only what no tool writes in another way, so that the same names are seen everywhere.
fn is_prefix(prefix: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.=".contains(c);
    let is_part = |part: &str| !["", ".", ".."].contains(&part) && part.chars().all(is_plain);
    prefix.len() <= PREFIX_BYTES_MAX && prefix.split('/').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        assert_eq!("".parse(), Ok(StorageAddress::DataDirectory));
        let shared = StorageAddress::SharedDirectory("/mnt/merganser".into());
        assert_eq!("file:///mnt/merganser".parse(), Ok(shared.clone()));
        assert_eq!(shared.to_string(), "file:///mnt/merganser");
        assert!("file://mnt/merganser".parse::<StorageAddress>().is_err());
        for (text, bucket, prefix, written) in [
            ("s3://events", "events", "", "s3://events"),
            ("s3://events/", "events", "", "s3://events"),
            ("s3://my.events/a/b=1", "my.events", "a/b=1", "s3://my.events/a/b=1"),
            ("s3://events/prod/", "events", "prod", "s3://events/prod"),
        ] {
            let address: StorageAddress = text.parse().unwrap();
            let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
            assert_eq!(address, StorageAddress::S3(S3Address { bucket, prefix }), "{text}");
            assert_eq!(address.to_string(), written);
        }
    }

    #[test]
    fn what_is_no_address_says_what_would_be_one() {
        for (text, expected) in [
            ("data", "expected s3://bucket/prefix"),
            ("/var/lib/data", "expected s3://bucket/prefix"),
            ("S3://events", "expected s3://bucket/prefix"),
            ("s3://", "a bucket's name"),
            ("s3://ab", "a bucket's name"),
            ("s3://Events", "a bucket's name"),
            ("s3://-events", "a bucket's name"),
            ("s3://user:secret@events/a", "a bucket's name"),
            ("s3://events//a", "a prefix has"),
            ("s3://events/a/../b", "a prefix has"),
            ("s3://events/a b", "a prefix has"),
            ("s3://events/ä", "a prefix has"),
            (&*format!("s3://events/{}", "a".repeat(513)), "a prefix has"),
        ] {
            let error = text.parse::<StorageAddress>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
