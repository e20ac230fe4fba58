//! Bodies that are read before their sender is known: so many at a time, shared between the
//! addresses that they come from.
//!
//! When all places are taken, the next body takes a place from the address that holds the most, and
//! there the one that has been taken for the longest. So one address can hold all places only while
//! no other wants one, and of many addresses those that send slowly make room.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use tokio::sync::oneshot;

/// Bodies that are read at a time before their senders are known.
const PLACES: usize = 64;
/// For which a place is safe from those of whose address no fewer are taken.
const SAFE: Duration = Duration::from_millis(250);

/// Where a connection comes from. An extension of its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PeerNetwork(IpAddr);

impl From<IpAddr> for PeerNetwork {
    /// Of IPv6 the network of 64 bits, which is what one customer gets.
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        })
    }
}

impl Default for PeerNetwork {
    fn default() -> Self {
        Self(Ipv4Addr::UNSPECIFIED.into())
    }
}

/// The places. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct UnauthenticatedLimiter(Arc<Mutex<PermitTable>>);

#[derive(Debug, Default)]
struct PermitTable {
    next: u64,
    count: usize,
    /// By number, so that the first has been taken for the longest.
    by_peer: HashMap<PeerNetwork, BTreeMap<u64, (Instant, oneshot::Sender<()>)>>,
}

/// A place; given back on drop.
#[derive(Debug)]
pub(super) struct UnauthenticatedPermit {
    unknown: UnauthenticatedLimiter,
    peer: PeerNetwork,
    number: u64,
    wanted: oneshot::Receiver<()>,
}

impl UnauthenticatedPermit {
    /// Returns when another body takes the place.
    pub(super) async fn preempted(&mut self) {
        // The sender is dropped with what it says.
        let _ = (&mut self.wanted).await;
    }
}

impl Drop for UnauthenticatedPermit {
    fn drop(&mut self) {
        self.unknown.with_table(|taken| taken.release(self.peer, self.number));
    }
}

impl UnauthenticatedLimiter {
    /// A place for one more, if one is free or can be had.
    pub(super) fn acquire(&self, peer: PeerNetwork, now: Instant) -> Option<UnauthenticatedPermit> {
        let (number, wanted) = self.with_table(|taken| {
            if taken.count >= PLACES {
                let (victim, number) = taken.victim(peer, now)?;
                taken.release(victim, number);
            }
            let (number, (preempt, wanted)) = (taken.next, oneshot::channel());
            taken.next += 1;
            taken.count += 1;
            taken.by_peer.entry(peer).or_default().insert(number, (now, preempt));
            Some((number, wanted))
        })?;
        Some(UnauthenticatedPermit { unknown: self.clone(), peer, number, wanted })
    }

    fn with_table<T>(&self, work: impl FnOnce(&mut PermitTable) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl PermitTable {
    /// Whose place, and which, goes to one more of `peer`.
    fn victim(&self, peer: PeerNetwork, now: Instant) -> Option<(PeerNetwork, u64)> {
        let first = |peer: &PeerNetwork| {
            let (number, (at, _)) = self.by_peer.get(peer)?.first_key_value()?;
            Some((*number, *at))
        };
        let count = |peer: &PeerNetwork| self.by_peer.get(peer).map_or(0, BTreeMap::len);
        let of =
            |peer: &PeerNetwork| first(peer).map(|(number, at)| (count(peer), number, at, *peer));
        let found = self.by_peer.keys().filter_map(of);
        let most = found.max_by_key(|(count, number, ..)| (*count, u64::MAX - number));
        let (most, number, at, victim) = most?;
        let is_over = most > count(&peer) + 1 || now.duration_since(at) >= SAFE;
        is_over.then_some((victim, number))
    }

    fn release(&mut self, peer: PeerNetwork, number: u64) {
        let Some(places) = self.by_peer.get_mut(&peer) else { return };
        if places.remove(&number).is_some() {
            self.count -= 1;
        }
        if places.is_empty() {
            self.by_peer.remove(&peer);
        }
    }
}

/// There is no place, or no longer.
pub(super) fn overloaded_problem() -> Problem {
    let detail = "too many requests without `Authorization` are read; send it again";
    Problem::new(ErrorCode::Overloaded, detail).retry_after_s(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u32) -> PeerNetwork {
        PeerNetwork::from(IpAddr::from(Ipv4Addr::from_bits(n)))
    }

    fn is_lost(place: &mut UnauthenticatedPermit) -> bool {
        place.wanted.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    fn lost(places: &mut [UnauthenticatedPermit]) -> usize {
        places.iter_mut().map(|place| usize::from(is_lost(place))).sum()
    }

    #[test]
    fn one_address_holds_all_places_only_while_nobody_else_wants_one() {
        let (unknown, now) = (UnauthenticatedLimiter::default(), Instant::now());
        let take = |n: u32| unknown.acquire(peer(n), now);
        let mut greedy: Vec<UnauthenticatedPermit> =
            (0..PLACES).map(|_| take(1).unwrap()).collect();
        assert!(take(1).is_none(), "its own are as good");
        let mut others: Vec<UnauthenticatedPermit> =
            (0..PLACES / 2).map(|_| take(2).unwrap()).collect();
        assert_eq!(lost(&mut greedy), PLACES / 2);
        assert!(is_lost(&mut greedy[0]) && !is_lost(&mut greedy[PLACES - 1]), "the oldest go");
        assert!(take(2).is_none() && take(1).is_none(), "each has its half");
        let third = take(3).unwrap();
        drop((greedy, third));
        assert!(lost(&mut others) <= 1);
        assert!(take(1).is_some(), "places are given back");
    }

    #[test]
    fn slow_bodies_make_room_for_other_addresses() {
        let (unknown, begun) = (UnauthenticatedLimiter::default(), Instant::now());
        let all = 0..PLACES as u32;
        let take_all = |from: u32, at: Instant| -> Vec<UnauthenticatedPermit> {
            all.clone().map(|n| unknown.acquire(peer(from + n), at).unwrap()).collect()
        };
        let mut slow = take_all(0, begun);
        assert!(unknown.acquire(peer(1000), begun).is_none(), "all have just begun");
        let later = begun + SAFE;
        let mut fresh = take_all(1000, later);
        assert_eq!((lost(&mut slow), lost(&mut fresh)), (PLACES, 0));
        drop(slow);
        assert!(
            unknown.acquire(peer(2000), later).is_none(),
            "what was lost is not given back again"
        );
    }

    #[test]
    fn a_customer_is_one_address() {
        let of = |text: &str| PeerNetwork::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.2"), of("10.0.0.1"));
    }
}
