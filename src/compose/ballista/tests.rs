//! Whom a scheduler answers, with TLS and without.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use super::*;
use crate::access::ClusterSecret;

fn credentials(secret: &str, tls: Option<SchedulerTls>) -> SchedulerCredentials {
    SchedulerCredentials::new(&ClusterSecret::new(secret).unwrap(), tls).unwrap()
}

/// A scheduler that has these.
async fn start(credentials: &SchedulerCredentials) -> BallistaScheduler {
    BallistaScheduler::start("127.0.0.1:0", credentials.clone()).await.unwrap()
}

/// What a scheduler says to who shows these: nothing, if it answers.
async fn refusal(scheduler: &BallistaScheduler, shown: &SchedulerCredentials) -> Option<String> {
    let url = format!("{}://localhost:{}", shown.scheme(), scheduler.address().port());
    let client = BallistaClient::new(&url, shown.clone(), "a process").unwrap();
    client.probe().await.err().map(|error| format!("{error:#}"))
}

#[tokio::test]
async fn another_cluster_and_another_build_are_refused_with_what_to_do() {
    let ours = credentials("secret", None);
    let scheduler = start(&ours).await;
    assert_eq!(refusal(&scheduler, &ours).await, None);
    let other = refusal(&scheduler, &credentials("guess", None)).await.unwrap();
    assert!(other.contains("another cluster's"), "{other}");
    let mut older = ours.clone();
    older.build = "0.0.1/0".to_owned();
    let older = refusal(&scheduler, &older).await.unwrap();
    let build = batch_layer::run::part_build();
    let expected = format!("is of build {build}, and build 0.0.1/0 asks it: run the same build");
    assert!(older.contains(&expected), "{older}");
}

/// Who signs certificates.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("authority.pem"), issuer.pem()).unwrap();
        Self { issuer, directory }
    }

    fn certificate(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }

    /// A certificate and its key, for somebody who trusts those of `trusted`.
    fn tls(&self, trusted: &Path) -> SchedulerTls {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let path = |name: &str| self.directory.path().join(name);
        fs::write(path("own.pem"), certificate.pem()).unwrap();
        fs::write(path("key.pem"), key.serialize_pem()).unwrap();
        SchedulerTls::read(&path("own.pem"), &path("key.pem"), &trusted.to_owned()).unwrap()
    }
}

#[tokio::test]
async fn with_tls_both_sides_show_a_certificate_that_the_other_trusts() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let with = |tls| credentials("secret", Some(tls));
    let scheduler = start(&with(ours.tls(&ours.certificate()))).await;
    assert_eq!(refusal(&scheduler, &with(ours.tls(&ours.certificate()))).await, None);
    // One whose certificate somebody else signed, one who trusts another, and one without.
    let strange = refusal(&scheduler, &with(theirs.tls(&ours.certificate()))).await;
    assert!(strange.is_some(), "a certificate of another authority is not refused");
    let doubting = refusal(&scheduler, &with(ours.tls(&theirs.certificate()))).await.unwrap();
    assert!(doubting.contains("certificate"), "{doubting}");
    let plain = refusal(&scheduler, &credentials("secret", None)).await;
    assert!(plain.is_some(), "a connection without TLS is not refused");
}
