//! The address to answer on: whether it can be had, and who can do what there.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use super::finding::Finding;
use crate::http::TlsFiles;
use crate::settings::Settings;

const LISTEN: &str = "address";

const FIRST: &str = "make the first key: `merganser keys create --role admin --data-dir DIR`";

/// Whether the address can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Port {
    Free,
    Taken,
    Unusable(String),
}

/// Who reaches the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    ThisMachine,
    Others,
}

/// What is known of the address and of who may use it.
#[derive(Clone, Debug)]
struct Listen<'a> {
    place: &'a str,
    port: Port,
    reach: Reach,
    /// `None` where the data cannot be read.
    keys: Option<usize>,
    /// Whether `--insecure` was said.
    is_insecure: bool,
    /// Whether a service runs on the data directory.
    is_running: bool,
    scheme: &'static str,
}

/// Looks the address up and listens on it for an instant.
pub(super) fn check(settings: &Settings, keys: Option<usize>, is_running: bool) -> Finding {
    let files = settings.tls_files();
    if let Some(Err(error)) = files.as_ref().map(TlsFiles::check) {
        let advice = "name a certificate and its private key, both as PEM";
        return Finding::problem(LISTEN, format!("TLS cannot be served: {error:#}"), advice);
    }
    let place = &*settings.listen.0;
    let addresses: Result<Vec<SocketAddr>, _> = place.to_socket_addrs().map(Iterator::collect);
    let (port, reach) = match addresses {
        Ok(addresses) => (listen(&addresses), reach(&addresses)),
        Err(error) => (Port::Unusable(error.to_string()), Reach::Others),
    };
    let is_insecure = settings.insecure.0;
    let scheme = if files.is_some() { "https" } else { "http" };
    judge(&Listen { place, port, reach, keys, is_insecure, is_running, scheme })
}

fn listen(addresses: &[SocketAddr]) -> Port {
    match TcpListener::bind(addresses) {
        Ok(_) => Port::Free,
        Err(error) if error.kind() == ErrorKind::AddrInUse => Port::Taken,
        Err(error) => Port::Unusable(error.to_string()),
    }
}

fn reach(addresses: &[SocketAddr]) -> Reach {
    match addresses.iter().all(|address| address.ip().is_loopback()) {
        true => Reach::ThisMachine,
        false => Reach::Others,
    }
}

fn judge(listen: &Listen<'_>) -> Finding {
    let Listen { place, port, reach, keys, is_insecure, is_running, scheme } = listen;
    let taken = match port {
        Port::Free => "",
        Port::Taken if *is_running => ", taken, as a service runs",
        Port::Taken => {
            let found = format!("`{place}` is taken by another process");
            return Finding::problem(LISTEN, found, "end that one, or name another with --listen");
        }
        Port::Unusable(why) => {
            let found = format!("`{place}` cannot be listened on: {why}");
            return Finding::problem(LISTEN, found, "name one of this machine with --listen");
        }
    };
    let found = format!("{scheme} on `{place}`{taken}");
    match (keys, reach) {
        (Some(0), Reach::Others) if !is_insecure => {
            let found =
                format!("{found}: others reach it and there are no keys: it does not start");
            let advice = format!("{FIRST}; or listen on 127.0.0.1, or say --insecure");
            Finding::problem(LISTEN, found, advice)
        }
        (Some(0), Reach::Others) => {
            let found = format!("{found}: there are no keys, and whoever reaches it may do all");
            Finding::warning(LISTEN, found, FIRST)
        }
        (Some(0), Reach::ThisMachine) => {
            let who = "there are no keys, and whoever is on this machine may do all";
            Finding::ok(LISTEN, format!("{found}: {who}"))
        }
        (Some(keys), Reach::ThisMachine | Reach::Others) => {
            Finding::ok(LISTEN, format!("{found}, keys: {keys}"))
        }
        (None, Reach::ThisMachine | Reach::Others) => {
            Finding::ok(LISTEN, format!("{found}; whether there are keys cannot be told"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    const ALONE: Listen<'static> = Listen {
        place: "127.0.0.1:8080",
        port: Port::Free,
        reach: Reach::ThisMachine,
        keys: Some(0),
        is_insecure: false,
        is_running: false,
        scheme: "http",
    };

    fn verdict(listen: &Listen<'_>) -> Verdict {
        judge(listen).verdict
    }

    #[test]
    fn who_can_do_everything_is_said() {
        assert_eq!(verdict(&ALONE), Verdict::Ok);
        let open = Listen { reach: Reach::Others, ..ALONE };
        assert!(judge(&open).advice.unwrap().contains("--insecure"));
        assert_eq!(verdict(&open), Verdict::Problem);
        assert_eq!(verdict(&Listen { is_insecure: true, ..open.clone() }), Verdict::Warning);
        assert_eq!(verdict(&Listen { keys: Some(1), ..open.clone() }), Verdict::Ok);
        assert_eq!(verdict(&Listen { keys: None, ..open }), Verdict::Ok);
    }

    #[test]
    fn a_taken_port_is_right_for_a_service_that_runs() {
        assert_eq!(verdict(&Listen { port: Port::Taken, ..ALONE }), Verdict::Problem);
        assert_eq!(verdict(&Listen { port: Port::Taken, is_running: true, ..ALONE }), Verdict::Ok);
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        assert_eq!(listen(&[address]), Port::Taken);
        drop(taken);
        assert_eq!(listen(&["127.0.0.1:0".parse().unwrap()]), Port::Free);
        // Of the documentation (RFC 5737), so nobody's.
        assert!(matches!(listen(&["192.0.2.1:0".parse().unwrap()]), Port::Unusable(_)));
        assert_eq!(reach(&["[::1]:1".parse().unwrap()]), Reach::ThisMachine);
        assert_eq!(reach(&["0.0.0.0:1".parse().unwrap()]), Reach::Others);
    }
}
