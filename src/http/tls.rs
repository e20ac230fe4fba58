//! TLS by rustls, with a certificate that is read anew when its files change.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often it is looked whether the files have changed.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Where the certificate is, with those that lead to a root behind it, and its private key; both as
/// PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificates.
    pub(crate) certificate: PathBuf,
    /// The key.
    pub(crate) key: PathBuf,
}

impl TlsFiles {
    /// Whether they can be used as they are.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        parse_certificate(&self.read()?).map(|_| ())
    }

    fn read(&self) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
        let read = |path: &PathBuf| fs::read(path).with_context(|| format!("`{}`", path.display()));
        Ok((read(&self.certificate)?, read(&self.key)?))
    }
}

fn parse_certificate((certificate, key): &(Vec<u8>, Vec<u8>)) -> anyhow::Result<CertifiedKey> {
    let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<Vec<_>, _>>();
    let chain = chain.context("the certificates are no PEM")?;
    anyhow::ensure!(!chain.is_empty(), "there is no certificate in the file; PEM is read");
    let key = PrivateKeyDer::from_pem_slice(key).context("the private key is no PEM")?;
    CertifiedKey::from_der(chain, key, &ring::default_provider())
        .context("the private key does not fit the certificate")
}

/// The certificate that new connections see.
#[derive(Debug)]
struct CertificateResolver(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for CertificateResolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Reads the files; until `stop`, they are read anew whenever they change. What cannot be used then
/// is told in the log, and the certificate of before stays.
///
/// # Errors
/// When they cannot be used now.
pub(crate) fn start(files: TlsFiles, stop: CancellationToken) -> anyhow::Result<TlsAcceptor> {
    let mut read = files.read()?;
    let newest = Arc::new(CertificateResolver(RwLock::new(Arc::new(parse_certificate(&read)?))));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth();
    let mut config = config.with_cert_resolver(Arc::clone(&newest) as _);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let follow = async move {
        let mut is_away = false;
        loop {
            sleep(LOOK_EVERY).await;
            // Two small files, once in a while.
            let now = match files.read() {
                Ok(now) => now,
                Err(error) => {
                    if !std::mem::replace(&mut is_away, true) {
                        warn!(error = format!("{error:#}"), "the TLS files cannot be read anew");
                    }
                    continue;
                }
            };
            is_away = false;
            if now == read {
                continue;
            }
            match parse_certificate(&now) {
                Ok(certified) => {
                    *newest.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
                    info!("the TLS certificate was read anew");
                }
                Err(error) => warn!(
                    error = format!("{error:#}"),
                    "the new TLS certificate cannot be used; the one before stays"
                ),
            }
            read = now;
        }
    };
    tokio::spawn(async move { stop.run_until_cancelled(follow).await });
    Ok(TlsAcceptor::from(Arc::new(config)))
}
