//! TLS by rustls, with a certificate that is read anew when its files change.

use std::fs;
use std::path::Path;
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

use crate::settings::TlsFiles;

/// How often it is looked whether the files have changed.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The bytes of a certificate's file and of its key's.
type CertificateBytes = (Vec<u8>, Vec<u8>);

/// Checks that the files can be used as they are.
///
/// # Errors
/// Why they cannot.
pub(crate) fn check(files: &TlsFiles) -> anyhow::Result<()> {
    parse_certificate(&read_files(files)?).map(|_| ())
}

fn read_files(files: &TlsFiles) -> anyhow::Result<CertificateBytes> {
    Ok((read_file(&files.certificate)?, read_file(&files.key)?))
}

fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("`{}`", path.display()))
}

fn parse_certificate((certificate, key): &CertificateBytes) -> anyhow::Result<CertifiedKey> {
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

/// Reads the files, and follows their changes until `stop`.
///
/// # Errors
/// When they cannot be used now.
pub(crate) fn start(files: TlsFiles, stop: CancellationToken) -> anyhow::Result<TlsAcceptor> {
    let bytes = read_files(&files)?;
    let certificate = Arc::new(parse_certificate(&bytes)?);
    let resolver = Arc::new(CertificateResolver(RwLock::new(certificate)));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth();
    let mut config = config.with_cert_resolver(Arc::clone(&resolver) as _);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let follow = follow_changes(files, bytes, resolver);
    tokio::spawn(async move { stop.run_until_cancelled(follow).await });
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Reads the files again and again, and gives a changed certificate to the resolver. If it cannot
/// be used, the log says so and the former certificate stays.
async fn follow_changes(
    files: TlsFiles,
    mut bytes: CertificateBytes,
    resolver: Arc<CertificateResolver>,
) {
    let mut is_unreadable = false;
    loop {
        sleep(LOOK_EVERY).await;
        // Two small files, once in a while: not worth a thread for blocking work.
        let now = match read_files(&files) {
            Ok(now) => now,
            Err(error) => {
                if !std::mem::replace(&mut is_unreadable, true) {
                    warn!(error = format!("{error:#}"), "the TLS files cannot be read anew");
                }
                continue;
            }
        };
        is_unreadable = false;
        if now == bytes {
            continue;
        }
        match parse_certificate(&now) {
            Ok(certificate) => {
                *resolver.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certificate);
                info!("the TLS certificate was read anew");
            }
            Err(error) => warn!(
                error = format!("{error:#}"),
                "the new TLS certificate cannot be used; the one before stays"
            ),
        }
        // Kept even if it cannot be used, so that the log says so once for each change.
        bytes = now;
    }
}
