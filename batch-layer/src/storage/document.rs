//! Small documents: JSON, and a line with its CRC32C.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StorageError;

/// A document's bytes.
pub(super) fn seal(path: &str, document: &impl Serialize) -> Result<Vec<u8>, StorageError> {
    let json = serde_json::to_vec_pretty(document);
    let mut bytes = json.map_err(|e| StorageError::Io(format!("`{path}`: {e}")))?;
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend(format!("\ncrc32c:{checksum:08x}\n").into_bytes());
    Ok(bytes)
}

/// The document of these bytes.
pub(super) fn unseal<T: DeserializeOwned>(path: &str, bytes: &[u8]) -> Result<T, StorageError> {
    let damaged =
        |reason: &str| StorageError::Damaged { path: path.to_owned(), reason: reason.to_owned() };
    const TRAILER: usize = "\ncrc32c:00000000\n".len();
    let at = bytes.len().checked_sub(TRAILER).ok_or_else(|| damaged("it is cut off"))?;
    let (json, trailer) = bytes.split_at(at);
    if trailer != format!("\ncrc32c:{:08x}\n", crc32c::crc32c(json)).as_bytes() {
        return Err(damaged("its checksum is wrong"));
    }
    serde_json::from_slice(json).map_err(|e| damaged(&e.to_string()))
}
