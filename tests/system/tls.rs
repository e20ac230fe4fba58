//! HTTPS: served, accepted by clients that trust the certificate, and renewed without a restart.

use std::fs;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;
use ureq::Agent;
use ureq::tls::TlsConfig;

use crate::command_line::outcome;
use crate::load::{tick, total, total_below};
use crate::redis_server::free_port;
use crate::server::{Place, Process, Store, merganser};
use crate::wait::until;

const LONG: Duration = Duration::from_secs(60);

fn write_certificate(place: &Place) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    fs::write(place.dir.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
    fs::write(place.dir.path().join("cert.pem"), cert.pem()).unwrap();
}

#[test]
fn https_is_served_and_its_certificate_renewed() {
    let place = Place::new(Store::Memory);
    write_certificate(&place);
    let path = |name: &str| place.dir.path().join(name);
    fs::copy(path("cert.pem"), path("old.pem")).unwrap();
    let mut command = place.serve();
    command.arg("--tls-certificate").arg(path("cert.pem")).arg("--tls-key").arg(path("key.pem"));
    let _server = Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let https = place.url().replace("http://", "https://");
    let status = |ca: Option<&str>| {
        let mut command = merganser();
        command.args(["status", "--ready", "--server", &https]);
        if let Some(name) = ca {
            command.arg("--ca").arg(path(name));
        }
        outcome(&mut command)
    };
    until("it is ready", LONG, || (status(Some("cert.pem")).0 == 0).then_some(()));
    let (code, _, error) = status(None);
    assert_eq!(code, 1, "a certificate without a trusted issuer is refused: {error}");
    let plain = outcome(merganser().args(["status", "--ready", "--server", &place.url()]));
    assert_eq!(plain.0, 1, "without TLS there is no answer");

    write_certificate(&place);
    until("the new certificate is shown", LONG, || (status(Some("cert.pem")).0 == 0).then_some(()));
    assert_eq!(status(Some("old.pem")).0, 1);
    // What cannot be used is not: the one before stays.
    fs::write(path("cert.pem"), "nonsense").unwrap();
    let (code, _, error) = status(Some("cert.pem"));
    assert_eq!(code, 2, "{error}");
    fs::write(path("cert.pem"), fs::read(path("old.pem")).unwrap()).unwrap();
    assert_eq!(status(Some("old.pem")).0, 1, "its key is another");
}

/// Speed views over TLS: with a certificate that the system trusts, and with no other.
#[test]
fn redis_is_reached_by_tls() {
    let place = Place::new(Store::Memory);
    write_certificate(&place);
    let path = |name: &str| place.dir.path().join(name).to_str().unwrap().to_owned();
    let port = free_port().to_string();
    let mut redis = Command::new("redis-server");
    redis.args(["--port", "0", "--tls-port", &port, "--bind", "127.0.0.1", "--save", ""]);
    redis.args(["--tls-cert-file", &path("cert.pem"), "--tls-key-file", &path("key.pem")]);
    redis.args(["--tls-ca-cert-file", &path("cert.pem"), "--tls-auth-clients", "no"]);
    redis.args(["--maxmemory-policy", "noeviction"]);
    let _redis = Process(redis.stdout(Stdio::null()).spawn().unwrap());
    let secure = Place::with_store(&format!("rediss://localhost:{port}"));
    let mut command = secure.serve();
    command.env("SSL_CERT_FILE", path("cert.pem"));
    until("Redis takes connections", LONG, || TcpStream::connect(format!("127.0.0.1:{port}")).ok());
    let server = secure.start_as(command);
    assert_eq!(server.http.send(&(0..100).map(tick).collect::<Vec<_>>()), (100, 0));
    assert_eq!(total(&server.http).unwrap().0, total_below(100));
    server.stop();
    let refused = secure.serve().output().unwrap();
    let errors = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(1) && errors.contains("cannot be reached"), "{errors}");
}

/// Over HTTPS a session's cookie is sent nowhere else, and can be set by no other host.
#[test]
fn a_session_over_https_has_a_cookie_of_this_host_alone() {
    let place = Place::new(Store::Memory);
    write_certificate(&place);
    let path = |name: &str| place.dir.path().join(name);
    let mut command = place.serve();
    command.arg("--tls-certificate").arg(path("cert.pem")).arg("--tls-key").arg(path("key.pem"));
    let _server = Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let https = place.url().replace("http://", "https://");
    let arguments = ["keys", "create", "--role", "admin", "--server", &https];
    let key = until("a key is made", LONG, || {
        let (code, key, _) = outcome(merganser().args(arguments).arg("--ca").arg(path("cert.pem")));
        (code == 0).then(|| key.trim().to_owned())
    });
    let agent = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .tls_config(TlsConfig::builder().disable_verification(true).build())
        .build()
        .new_agent();
    let same = ("sec-fetch-site", "same-origin");
    let open = agent.post(format!("{https}/v1/session")).header(same.0, same.1);
    let opened = open.send_json(json!({ "key": key })).unwrap();
    assert_eq!(opened.status(), 200);
    let cookie = opened.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-merganser-session="), "{cookie}");
    for attribute in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.split("; ").any(|one| one == attribute), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    let status = |cookie: &str| {
        let ask = agent.get(format!("{https}/v1/status")).header(same.0, same.1);
        ask.header("cookie", cookie).call().unwrap().status().as_u16()
    };
    assert_eq!(status(pair), 200);
    assert_eq!(status(pair.trim_start_matches("__Host-")), 401, "any host could have set it");
}

#[test]
fn a_wrong_certificate_is_found_at_the_start() {
    let place = Place::new(Store::Memory);
    write_certificate(&place);
    let path = |name: &str| place.dir.path().join(name);
    fs::write(path("other.pem"), "nonsense").unwrap();
    for (certificate, key, words) in [
        ("cert.pem", "none.pem", "none.pem"),
        ("other.pem", "key.pem", "no certificate"),
        ("cert.pem", "cert.pem", "private key"),
    ] {
        let mut command = place.serve();
        command.arg("--tls-certificate").arg(path(certificate)).arg("--tls-key").arg(path(key));
        let (code, _, error) = outcome(&mut command);
        assert_eq!(code, 1, "{error}");
        assert!(error.contains(words), "{error}");
    }
    let (code, _, error) = outcome(place.serve().arg("--tls-key").arg(path("key.pem")));
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("tls_certificate"), "{error}");
}
