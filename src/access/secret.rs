//! The text of a key: `mgs_{id}_{secret}`, of which 256 bits are random.
//!
//! The prefix lets scanners for leaked secrets find it, the id lets its digest be found without
//! trying them all. The digest is SHA-256: what is random as a whole needs no slow hash.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use merganser_core::access::KeyDigest;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const PREFIX: &str = "mgs_";

/// The text of a key, and what is kept of it.
pub(crate) struct KeySecret {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) digest: KeyDigest,
}

impl KeySecret {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut random = [0; 38];
        getrandom::fill(&mut random).context("the system gives no random numbers")?;
        let (id, secret) = random.split_at(6);
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!("{PREFIX}{id}_{}", URL_SAFE_NO_PAD.encode(secret));
        let digest = digest(&text);
        Ok(Self { id, text, digest })
    }
}

/// The id that a key's text names.
pub(crate) fn key_id(text: &str) -> Option<&str> {
    text.strip_prefix(PREFIX)?.split_once('_').map(|(id, _)| id)
}

/// Whether this is the text that a digest was made of; takes as long for every text of its length.
pub(crate) fn matches_digest(text: &str, kept: &KeyDigest) -> bool {
    digest(text).0.ct_eq(&kept.0).into()
}

fn digest(text: &str) -> KeyDigest {
    KeyDigest(Sha256::digest(text).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_recognized_by_its_digest() {
        let (one, other) = (KeySecret::new().unwrap(), KeySecret::new().unwrap());
        assert_eq!(key_id(&one.text), Some(&*one.id));
        assert!(
            matches_digest(&one.text, &one.digest) && !matches_digest(&other.text, &one.digest)
        );
        assert_eq!(one.text.len(), "mgs_".len() + 12 + 1 + 43, "256 bits in base64");
        for wrong in ["", "mgs_", "mgs_x", "sk_1_2", &one.text[1..]] {
            assert_eq!(key_id(wrong), None, "{wrong}");
        }
        let cut = &one.text[..one.text.len() - 1];
        assert!(key_id(cut).is_some() && !matches_digest(cut, &one.digest));
    }
}
