//! HTTP to a running server, for the commands that are its clients.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use merganser_api::problem::ProblemDocument;
use merganser_core::text::clipped;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, RequestBuilder};

use crate::settings::Settings;

/// Where the server is, and how it knows the caller.
#[derive(Args, Clone, Debug)]
pub(super) struct ClientArgs {
    /// The server to talk to [default: where a server with these settings listens: the settings
    /// file and the environment are read as `serve` reads them]
    #[arg(long, env = "MERGANSER_SERVER", value_name = "URL")]
    server: Option<String>,

    /// TOML file of settings, of which is read where the server listens; merganser.toml if it is
    /// there
    #[arg(long, env = "MERGANSER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    /// Key for the server
    #[arg(long, env = "MERGANSER_KEY", value_name = "KEY", hide_env_values = true)]
    key: Option<String>,

    /// Certificates (PEM) to trust for https, instead of those of the web
    #[arg(long, env = "MERGANSER_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl ClientArgs {
    /// For a server at `url` without keys.
    pub(super) fn at(url: &str) -> Self {
        Self { server: Some(url.to_owned()), config: None, key: None, ca: None }
    }
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// The request did not reach the server: nothing happened.
    #[error("{server} cannot be reached: {reason}")]
    NotSent {
        /// Its address.
        server: String,
        /// What the system said.
        reason: String,
    },
    /// The connection broke off: the request may have been carried out.
    #[error("{server} did not reply: {reason}")]
    NoReply {
        /// Its address.
        server: String,
        /// What the system said.
        reason: String,
    },
}

/// What the server replied.
#[derive(Debug)]
pub(super) struct HttpReply {
    /// HTTP status.
    pub(super) status: u16,
    /// `Retry-After`, if it was given in seconds.
    pub(super) retry_after: Option<Duration>,
    /// `Location`.
    pub(super) location: Option<String>,
    /// The body.
    pub(super) body: Vec<u8>,
}

impl HttpReply {
    /// Itself if the status says that all went well.
    ///
    /// # Errors
    /// With what the problem document says.
    pub(super) fn ok(self) -> anyhow::Result<Self> {
        match self.status < 400 {
            true => Ok(self),
            false => Err(self.problem()),
        }
    }

    /// What the problem document says.
    pub(super) fn problem(&self) -> anyhow::Error {
        match serde_json::from_slice::<ProblemDocument>(&self.body) {
            Ok(ProblemDocument { detail, code, .. }) => {
                anyhow::anyhow!("{detail} ({code}, HTTP {})", self.status)
            }
            Err(_) => anyhow::anyhow!("the server gave no reason (HTTP {})", self.status),
        }
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// When it is something else.
    pub(super) fn json<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let body = String::from_utf8_lossy(&self.body);
            let start = clipped(&body);
            anyhow::anyhow!("the server's reply cannot be read: {error}; it begins with `{start}`")
        })
    }
}

/// A server's client. Blocks.
#[derive(Debug)]
pub(super) struct ApiClient {
    agent: Agent,
    server: String,
    key: Option<String>,
}

const CONNECT: Duration = Duration::from_secs(5);
const REPLY: Duration = Duration::from_secs(120);
const VERDICT: Duration = Duration::from_secs(30);
const REPLY_MAX_BYTES: u64 = 1 << 30;

impl ApiClient {
    /// A client for the server that the arguments name.
    ///
    /// # Errors
    /// When the address is not one of HTTP.
    pub(super) fn new(args: &ClientArgs) -> Result<Self, super::CliError> {
        let place = match &args.server {
            Some(server) => ServerLocation { url: server.clone(), ca: None },
            None => ServerLocation::of_settings(&Settings::of_file(args.config.clone())?),
        };
        let server = place.url.trim_end_matches('/');
        let server =
            if server.contains("://") { server.to_owned() } else { format!("http://{server}") };
        let (scheme, host) = server.split_once("://").unwrap_or_default();
        if !["http", "https"].contains(&scheme) || host.is_empty() {
            return Err(super::CliError::Usage(format!(
                "`{}` is not a server; expected its URL, as http://127.0.0.1:8080",
                place.url
            )));
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(REPLY))
            .user_agent(concat!("merganser/", env!("CARGO_PKG_VERSION")))
            .proxy(None)
            .tls_config(tls_config(args.ca.as_deref().or(place.ca.as_deref()))?)
            .build()
            .new_agent();
        Ok(Self { agent, server, key: args.key.clone() })
    }

    /// Gets a path, with parameters.
    pub(super) fn get(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<HttpReply, CallError> {
        let request = self.agent.get(self.url(path));
        let request = request.query_pairs(parameters.iter().copied());
        self.read(self.with_key(request).call())
    }

    /// Gets a path, with parameters, whose answer is too long to be held: its headers and body.
    pub(super) fn download(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> anyhow::Result<Response<Body>> {
        let request = self.agent.get(self.url(path));
        let request = request.query_pairs(parameters.iter().copied());
        match self.with_key(request).call() {
            Ok(response) if response.status().is_success() => Ok(response),
            other => {
                self.read(other)?.ok()?;
                anyhow::bail!("{} gave no answer", self.server)
            }
        }
    }

    /// Sends JSON by POST.
    pub(super) fn post(&self, path: &str, body: &impl Serialize) -> Result<HttpReply, CallError> {
        self.read(self.with_key(self.agent.post(self.url(path))).send_json(body))
    }

    /// Sends JSON by PUT.
    pub(super) fn put(
        &self,
        path: &str,
        body: &(impl Serialize + ?Sized),
    ) -> Result<HttpReply, CallError> {
        self.read(self.with_key(self.agent.put(self.url(path))).send_json(body))
    }

    /// Deletes what a path names.
    pub(super) fn delete(&self, path: &str) -> Result<HttpReply, CallError> {
        self.read(self.with_key(self.agent.delete(self.url(path))).call())
    }

    /// Sends events.
    pub(super) fn send_events(
        &self,
        path: &str,
        content_type: &str,
        encoding: Option<&str>,
        body: &[u8],
    ) -> Result<HttpReply, CallError> {
        let request = self.with_key(self.agent.post(self.url(path)));
        // A server answers in seconds or not at all, and what was lost is worth sending again.
        let request = request.config().timeout_recv_response(Some(VERDICT)).build();
        let request = request.content_type(content_type);
        let request = match encoding {
            Some(name) => request.header("content-encoding", name),
            None => request,
        };
        self.read(request.send(body))
    }

    /// Where a browser finds a dashboard.
    pub(super) fn page(&self, dashboard: &str) -> String {
        self.url(&format!("/ui/d/{}", percent_encoded(dashboard)))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server)
    }

    fn with_key<T>(&self, request: RequestBuilder<T>) -> RequestBuilder<T> {
        match &self.key {
            Some(key) => request.header("authorization", format!("Bearer {key}")),
            None => request,
        }
    }

    fn read(&self, outcome: Result<Response<Body>, ureq::Error>) -> Result<HttpReply, CallError> {
        let mut response = outcome.map_err(|error| self.failed(&error))?;
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let retry_after =
            header("retry-after").and_then(|s| s.parse().ok()).map(Duration::from_secs);
        let location = header("location");
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(REPLY_MAX_BYTES).read_to_vec();
        let body = body.map_err(|error| self.failed(&error))?;
        Ok(HttpReply { status, retry_after, location, body })
    }

    /// Tells what surely did nothing from what may have.
    fn failed(&self, error: &ureq::Error) -> CallError {
        use std::io::ErrorKind;
        use ureq::Timeout;
        let (server, reason) = (self.server.clone(), error.to_string());
        let not_sent = match error {
            ureq::Error::Io(error) => error.kind() == ErrorKind::ConnectionRefused,
            ureq::Error::Timeout(during) => matches!(during, Timeout::Connect | Timeout::Resolve),
            ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::BadUri(_)
            | ureq::Error::Http(_) => true,
            _ => false,
        };
        match not_sent {
            true => CallError::NotSent { server, reason },
            false => CallError::NoReply { server, reason },
        }
    }
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ServerLocation {
    url: String,
    /// Certificates that it shows, where it is one of this machine.
    ca: Option<PathBuf>,
}

impl ServerLocation {
    /// Where a server with these settings listens, as this machine reaches it.
    fn of_settings(settings: &Settings) -> Self {
        let files = settings.tls_files();
        let scheme = if files.is_some() { "https" } else { "http" };
        let address = match settings.listen.0.rsplit_once(':') {
            // All addresses of the machine, of which loopback is one.
            Some(("0.0.0.0", port)) => format!("127.0.0.1:{port}"),
            Some(("[::]", port)) => format!("[::1]:{port}"),
            _ => settings.listen.0.clone(),
        };
        Self { url: format!("{scheme}://{address}"), ca: files.map(|files| files.certificate) }
    }
}

/// Whom https is believed.
fn tls_config(ca: Option<&Path>) -> Result<TlsConfig, super::CliError> {
    let Some(path) = ca else { return Ok(TlsConfig::default()) };
    let wrong = |why: String| {
        super::CliError::Usage(format!("the certificates `{}`: {why}", path.display()))
    };
    let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let mut trusted = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(one) = item.map_err(|error| wrong(error.to_string()))? {
            trusted.push(one);
        }
    }
    if trusted.is_empty() {
        return Err(wrong("there is none in it; PEM is read".to_owned()));
    }
    Ok(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&trusted)).build())
}

/// A name for use in a path; a wrong one is for the server to refuse.
pub(super) fn percent_encoded(name: &str) -> String {
    /// All but the unreserved characters of RFC 3986.
    const RESERVED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(name, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_where_its_settings_have_it_listen() {
        let place = |listen: &str, certificate: &str| {
            ServerLocation::of_settings(&Settings {
                listen: listen.parse().unwrap(),
                tls_certificate: certificate.into(),
                ..Settings::default()
            })
        };
        let url = |listen| place(listen, "").url;
        assert_eq!(url("127.0.0.1:8080"), "http://127.0.0.1:8080");
        assert_eq!(url("0.0.0.0:9000"), "http://127.0.0.1:9000");
        assert_eq!(url("[::]:9000"), "http://[::1]:9000");
        assert_eq!(url("10.1.2.3:80"), "http://10.1.2.3:80");
        assert_eq!(url("events.example:80"), "http://events.example:80");
        let secure =
            ServerLocation { url: "https://127.0.0.1:443".into(), ca: Some("c.pem".into()) };
        assert_eq!(place("0.0.0.0:443", "c.pem"), secure);
    }
}
