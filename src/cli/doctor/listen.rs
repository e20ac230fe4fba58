//! The address to answer on: whether it can be had, and who can do what there.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use super::finding::DoctorFinding;
use crate::http::check_tls;
use crate::settings::Settings;

const LISTEN: &str = "address";

const FIRST: &str = "make the first key: `merganser keys create --role admin --data-dir DIR`";

/// Whether the address can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
enum PortStatus {
    Free,
    Taken,
    Unusable(String),
}

/// From where the address is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AddressReach {
    ThisMachine,
    Others,
}

/// What is known of the address and of who may use it.
#[derive(Clone, Debug)]
struct ListenCheck<'a> {
    place: &'a str,
    port: PortStatus,
    reach: AddressReach,
    /// `None` where the data cannot be read.
    keys: Option<usize>,
    /// Whether `--insecure` was said.
    is_insecure: bool,
    /// Whether a service runs on the data directory.
    is_running: bool,
    scheme: &'static str,
}

/// Looks the address up and listens on it for an instant.
pub(super) fn check(settings: &Settings, keys: Option<usize>, is_running: bool) -> DoctorFinding {
    let files = settings.tls_files();
    if let Some(Err(error)) = files.as_ref().map(check_tls) {
        let advice = "name a certificate and its private key, both as PEM";
        return DoctorFinding::problem(LISTEN, format!("TLS cannot be served: {error:#}"), advice);
    }
    let place = &*settings.listen.0;
    let addresses: Result<Vec<SocketAddr>, _> = place.to_socket_addrs().map(Iterator::collect);
    let (port, reach) = match addresses {
        Ok(addresses) => (listen(&addresses), reach(&addresses)),
        Err(error) => (PortStatus::Unusable(error.to_string()), AddressReach::Others),
    };
    let is_insecure = settings.insecure.0;
    let scheme = if files.is_some() { "https" } else { "http" };
    judge(&ListenCheck { place, port, reach, keys, is_insecure, is_running, scheme })
}

fn listen(addresses: &[SocketAddr]) -> PortStatus {
    match TcpListener::bind(addresses) {
        Ok(_) => PortStatus::Free,
        Err(error) if error.kind() == ErrorKind::AddrInUse => PortStatus::Taken,
        Err(error) => PortStatus::Unusable(error.to_string()),
    }
}

fn reach(addresses: &[SocketAddr]) -> AddressReach {
    match addresses.iter().all(|address| address.ip().is_loopback()) {
        true => AddressReach::ThisMachine,
        false => AddressReach::Others,
    }
}

fn judge(listen: &ListenCheck<'_>) -> DoctorFinding {
    let ListenCheck { place, port, reach, keys, is_insecure, is_running, scheme } = listen;
    let taken = match port {
        PortStatus::Free => "",
        PortStatus::Taken if *is_running => ", taken, as a service runs",
        PortStatus::Taken => {
            let found = format!("`{place}` is taken by another process");
            return DoctorFinding::problem(
                LISTEN,
                found,
                "end that one, or name another with --listen",
            );
        }
        PortStatus::Unusable(why) => {
            let found = format!("`{place}` cannot be listened on: {why}");
            return DoctorFinding::problem(LISTEN, found, "name one of this machine with --listen");
        }
    };
    let found = format!("{scheme} on `{place}`{taken}");
    match (keys, reach) {
        (Some(0), AddressReach::Others) if !is_insecure => {
            let found =
                format!("{found}: others reach it and there are no keys: it does not start");
            let advice = format!("{FIRST}; or listen on 127.0.0.1, or say --insecure");
            DoctorFinding::problem(LISTEN, found, advice)
        }
        (Some(0), AddressReach::Others) => {
            let found = format!(
                "{found}: there are no keys, and every caller that reaches it may do everything"
            );
            DoctorFinding::warning(LISTEN, found, FIRST)
        }
        (Some(0), AddressReach::ThisMachine) => {
            let who = "there are no keys, and every process on this machine may do everything";
            DoctorFinding::ok(LISTEN, format!("{found}: {who}"))
        }
        (Some(keys), AddressReach::ThisMachine | AddressReach::Others) => {
            DoctorFinding::ok(LISTEN, format!("{found}, keys: {keys}"))
        }
        (None, AddressReach::ThisMachine | AddressReach::Others) => {
            DoctorFinding::ok(LISTEN, format!("{found}; whether there are keys is unknown"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::FindingSeverity;
    use super::*;

    const ALONE: ListenCheck<'static> = ListenCheck {
        place: "127.0.0.1:8080",
        port: PortStatus::Free,
        reach: AddressReach::ThisMachine,
        keys: Some(0),
        is_insecure: false,
        is_running: false,
        scheme: "http",
    };

    fn verdict(listen: &ListenCheck<'_>) -> FindingSeverity {
        judge(listen).verdict
    }

    #[test]
    fn a_finding_says_which_callers_may_do_everything() {
        assert_eq!(verdict(&ALONE), FindingSeverity::Ok);
        let open = ListenCheck { reach: AddressReach::Others, ..ALONE };
        assert!(judge(&open).advice.unwrap().contains("--insecure"));
        assert_eq!(verdict(&open), FindingSeverity::Problem);
        assert_eq!(
            verdict(&ListenCheck { is_insecure: true, ..open.clone() }),
            FindingSeverity::Warning
        );
        assert_eq!(verdict(&ListenCheck { keys: Some(1), ..open.clone() }), FindingSeverity::Ok);
        assert_eq!(verdict(&ListenCheck { keys: None, ..open }), FindingSeverity::Ok);
    }

    #[test]
    fn a_taken_port_is_right_for_a_service_that_runs() {
        assert_eq!(
            verdict(&ListenCheck { port: PortStatus::Taken, ..ALONE }),
            FindingSeverity::Problem
        );
        assert_eq!(
            verdict(&ListenCheck { port: PortStatus::Taken, is_running: true, ..ALONE }),
            FindingSeverity::Ok
        );
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        assert_eq!(listen(&[address]), PortStatus::Taken);
        drop(taken);
        assert_eq!(listen(&["127.0.0.1:0".parse().unwrap()]), PortStatus::Free);
        // Reserved for documentation (RFC 5737), so no machine has it.
        assert!(matches!(listen(&["192.0.2.1:0".parse().unwrap()]), PortStatus::Unusable(_)));
        assert_eq!(reach(&["[::1]:1".parse().unwrap()]), AddressReach::ThisMachine);
        assert_eq!(reach(&["0.0.0.0:1".parse().unwrap()]), AddressReach::Others);
    }
}
