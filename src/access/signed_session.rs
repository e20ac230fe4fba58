//! The text of a session in a cluster: every process knows by it which key it stands for, without
//! having opened it.
//!
//! `<random>.<id of the key>.<opened at, ms since 1970>.<signature>`; the signature is HMAC-SHA256
//! (RFC 2104) of what is before it, by the cluster's secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use merganser_core::time::Timestamp;
use sha2::Sha256;

use super::cluster_secret::ClusterSecret;

/// What is signed begins with it, so that a signature of something else is none of a session.
const PURPOSE: &[u8] = b"merganser session ";
const US_A_MS: i64 = 1000;

/// What a session's text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignedSession<'a> {
    /// The key's id.
    pub(super) key_id: &'a str,
    pub(super) opened_at: Timestamp,
}

/// The text of a session that is opened now. `None` if the secret could sign nothing, which does
/// not happen.
pub(super) fn sign(
    secret: &ClusterSecret,
    random: &str,
    key_id: &str,
    now: Timestamp,
) -> Option<String> {
    let signed = format!("{random}.{key_id}.{}", now.0 / US_A_MS);
    let signature = mac(secret, &signed)?.finalize().into_bytes();
    Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// Reads a text that was signed with this secret.
pub(super) fn verify<'a>(secret: &ClusterSecret, text: &'a str) -> Option<SignedSession<'a>> {
    let (signed, signature) = text.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    mac(secret, signed)?.verify_slice(&signature).ok()?;
    let (rest, opened_ms) = signed.rsplit_once('.')?;
    let (_, key_id) = rest.split_once('.')?;
    let opened_at = Timestamp(opened_ms.parse::<i64>().ok()?.checked_mul(US_A_MS)?);
    Some(SignedSession { key_id, opened_at })
}

fn mac(secret: &ClusterSecret, signed: &str) -> Option<Hmac<Sha256>> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.value().as_bytes()).ok()?;
    Some(mac.chain_update(PURPOSE).chain_update(signed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_with_the_secret_that_signed_it() {
        let secret = |text| ClusterSecret::new(text).unwrap();
        let (ours, now) = (secret("ours"), Timestamp(1_795_305_600_123_456));
        let text = sign(&ours, "random-_", "0123abcd", now).unwrap();
        let opened_at = Timestamp(1_795_305_600_123_000);
        assert_eq!(verify(&ours, &text), Some(SignedSession { key_id: "0123abcd", opened_at }));
        assert_eq!(verify(&secret("theirs"), &text), None);
        for n in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[n] = if other[n] == b'1' { b'2' } else { b'1' };
            let other = String::from_utf8(other).unwrap();
            assert_eq!(verify(&ours, &other), None, "{other}");
            assert_eq!(verify(&ours, &text[..n]), None, "{}", &text[..n]);
        }
    }
}
