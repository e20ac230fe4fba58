//! Who may talk to a scheduler: processes of the same cluster and the same build, over TLS if it is
//! set up.

use std::path::PathBuf;

use anyhow::Context;
use batch_layer::run::part_build;
use subtle::ConstantTimeEq;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::transport::{Certificate, ClientTlsConfig, Identity, ServerTlsConfig};
use tonic::{Request, Status};

use crate::access::ClusterSecret;

/// The secret of the cluster, and the build that asks, are in these headers.
const SECRET: &str = "merganser-cluster";
const BUILD: &str = "merganser-part-build";

/// Certificates of a scheduler and of those who ask it: each shows the other one.
#[derive(Clone, Debug)]
pub(crate) struct SchedulerTls {
    identity: Identity,
    authority: Certificate,
}

impl SchedulerTls {
    /// Reads the certificate chain, its key, and the certificates that the other side's is to be
    /// signed by, as PEM.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn read(
        certificate: &PathBuf,
        key: &PathBuf,
        authority: &PathBuf,
    ) -> anyhow::Result<Self> {
        let read = |path: &PathBuf| {
            std::fs::read(path).with_context(|| format!("`{}` cannot be read", path.display()))
        };
        let identity = Identity::from_pem(read(certificate)?, read(key)?);
        Ok(Self { identity, authority: Certificate::from_pem(read(authority)?) })
    }

    pub(super) fn of_server(&self) -> ServerTlsConfig {
        let tls = ServerTlsConfig::new().identity(self.identity.clone());
        tls.client_ca_root(self.authority.clone())
    }

    pub(super) fn of_client(&self) -> ClientTlsConfig {
        let tls = ClientTlsConfig::new().identity(self.identity.clone());
        tls.ca_certificate(self.authority.clone())
    }
}

/// What processes show to a scheduler, and it asks for.
#[derive(Clone)]
pub(crate) struct SchedulerCredentials {
    secret: MetadataValue<Ascii>,
    /// See [`part_build`].
    pub(super) build: String,
    pub(super) tls: Option<SchedulerTls>,
}

impl SchedulerCredentials {
    /// With the secret of a cluster.
    ///
    /// # Errors
    /// When it does not fit a header.
    pub(crate) fn new(secret: &ClusterSecret, tls: Option<SchedulerTls>) -> anyhow::Result<Self> {
        let secret = MetadataValue::try_from(secret.value().as_bytes());
        let mut secret = secret.context("the cluster's secret")?;
        secret.set_sensitive(true);
        Ok(Self { secret, build: part_build(), tls })
    }

    /// How a scheduler's address begins.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Adds them to each request.
    pub(super) fn shown(&self) -> impl Interceptor + Clone + Send + Sync + use<> {
        let (secret, build) = (self.secret.clone(), self.build.clone());
        move |mut request: Request<()>| {
            let build = MetadataValue::try_from(&*build)
                .map_err(|_| Status::internal("the build's name does not fit a header"))?;
            request.metadata_mut().insert(SECRET, secret.clone());
            request.metadata_mut().insert(BUILD, build);
            Ok(request)
        }
    }

    /// Refuses requests without them.
    pub(super) fn asked_for(&self) -> impl Interceptor + Clone + Send + Sync + use<> {
        let (secret, ours) = (self.secret.clone(), self.build.clone());
        move |request: Request<()>| {
            let sent = request.metadata().get(SECRET);
            let is_known = sent.is_some_and(|sent| {
                sent.as_encoded_bytes().ct_eq(secret.as_encoded_bytes()).into()
            });
            if !is_known {
                return Err(Status::unauthenticated(
                    "this scheduler is another cluster's: start with the storage that it has",
                ));
            }
            let theirs = request.metadata().get(BUILD).and_then(|build| build.to_str().ok());
            let theirs = theirs.unwrap_or("unknown");
            if theirs != ours {
                return Err(Status::failed_precondition(format!(
                    "this scheduler is of build {ours}, and build {theirs} asks it: run the same \
                     build everywhere"
                )));
            }
            Ok(request)
        }
    }
}
