//! Who may send a body before it is known who sends it: so many at a time, shared between the
//! addresses that they come from.
//!
//! When all places are taken, whoever comes next gets one of the address that holds the most, and
//! there the one that has been taken for the longest. So one address can hold all of them only for
//! as long as nobody else wants any, and of many addresses those who send slowly make room.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Bodies that are read at a time before it is known who sends them.
const PLACES: usize = 64;
/// For which a place is safe from those of whose address no fewer are taken.
const SAFE: Duration = Duration::from_millis(250);

/// Where a connection comes from. An extension of its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Peer(IpAddr);

impl From<IpAddr> for Peer {
    /// Of IPv6 the network of 64 bits, which is what one customer gets.
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        })
    }
}

impl Default for Peer {
    fn default() -> Self {
        Self(Ipv4Addr::UNSPECIFIED.into())
    }
}

/// The places. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Unknown(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    count: usize,
    /// By number, so that the first has been taken for the longest.
    by_peer: HashMap<Peer, BTreeMap<u64, (Instant, oneshot::Sender<()>)>>,
}

/// A place; given back on drop.
#[derive(Debug)]
pub(super) struct Place {
    unknown: Unknown,
    peer: Peer,
    number: u64,
    wanted: oneshot::Receiver<()>,
}

impl Place {
    /// Returns when somebody else gets the place.
    pub(super) async fn wanted(&mut self) {
        // The sender is dropped with what it says.
        let _ = (&mut self.wanted).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.unknown.taken(|taken| taken.give_back(self.peer, self.number));
    }
}

impl Unknown {
    /// A place for one more, if one is free or can be had.
    pub(super) fn take(&self, peer: Peer, now: Instant) -> Option<Place> {
        let (number, wanted) = self.taken(|taken| {
            if taken.count >= PLACES {
                let (victim, number) = taken.victim(peer, now)?;
                taken.give_back(victim, number);
            }
            let (number, (told, wanted)) = (taken.next, oneshot::channel());
            taken.next += 1;
            taken.count += 1;
            taken.by_peer.entry(peer).or_default().insert(number, (now, told));
            Some((number, wanted))
        })?;
        Some(Place { unknown: self.clone(), peer, number, wanted })
    }

    fn taken<T>(&self, work: impl FnOnce(&mut Taken) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Taken {
    /// Whose place, and which, goes to one more of `peer`.
    fn victim(&self, peer: Peer, now: Instant) -> Option<(Peer, u64)> {
        let first = |peer: &Peer| {
            let (number, (at, _)) = self.by_peer.get(peer)?.first_key_value()?;
            Some((*number, *at))
        };
        let count = |peer: &Peer| self.by_peer.get(peer).map_or(0, BTreeMap::len);
        let of = |peer: &Peer| first(peer).map(|(number, at)| (count(peer), number, at, *peer));
        let found = self.by_peer.keys().filter_map(of);
        let most = found.max_by_key(|(count, number, ..)| (*count, u64::MAX - number));
        let (most, number, at, victim) = most?;
        let is_over = most > count(&peer) + 1 || now.duration_since(at) >= SAFE;
        is_over.then_some((victim, number))
    }

    fn give_back(&mut self, peer: Peer, number: u64) {
        let Some(places) = self.by_peer.get_mut(&peer) else { return };
        if places.remove(&number).is_some() {
            self.count -= 1;
        }
        if places.is_empty() {
            self.by_peer.remove(&peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u32) -> Peer {
        Peer::from(IpAddr::from(Ipv4Addr::from_bits(n)))
    }

    fn is_lost(place: &mut Place) -> bool {
        place.wanted.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    fn lost(places: &mut [Place]) -> usize {
        places.iter_mut().map(|place| usize::from(is_lost(place))).sum()
    }

    #[test]
    fn one_address_holds_all_places_only_while_nobody_else_wants_one() {
        let (unknown, now) = (Unknown::default(), Instant::now());
        let take = |n: u32| unknown.take(peer(n), now);
        let mut greedy: Vec<Place> = (0..PLACES).map(|_| take(1).unwrap()).collect();
        assert!(take(1).is_none(), "its own are as good");
        let mut others: Vec<Place> = (0..PLACES / 2).map(|_| take(2).unwrap()).collect();
        assert_eq!(lost(&mut greedy), PLACES / 2);
        assert!(is_lost(&mut greedy[0]) && !is_lost(&mut greedy[PLACES - 1]), "the oldest go");
        assert!(take(2).is_none() && take(1).is_none(), "each has its half");
        let third = take(3).unwrap();
        drop((greedy, third));
        assert!(lost(&mut others) <= 1);
        assert!(take(1).is_some(), "places are given back");
    }

    #[test]
    fn of_many_addresses_those_that_take_long_make_room() {
        let (unknown, begun) = (Unknown::default(), Instant::now());
        let all = 0..PLACES as u32;
        let take_all = |from: u32, at: Instant| -> Vec<Place> {
            all.clone().map(|n| unknown.take(peer(from + n), at).unwrap()).collect()
        };
        let mut slow = take_all(0, begun);
        assert!(unknown.take(peer(1000), begun).is_none(), "all have just begun");
        let later = begun + SAFE;
        let mut fresh = take_all(1000, later);
        assert_eq!((lost(&mut slow), lost(&mut fresh)), (PLACES, 0));
        drop(slow);
        assert!(unknown.take(peer(2000), later).is_none(), "what was lost is not given back again");
    }

    #[test]
    fn a_customer_is_one_address() {
        let of = |text: &str| Peer::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.2"), of("10.0.0.1"));
    }
}
