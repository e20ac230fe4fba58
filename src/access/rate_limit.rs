//! How many requests a key may make: the generic cell rate algorithm, a second's worth at once.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_core::access::{AccessKey, AccessKeys};

type Limiter = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// What a key has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RateLimitStatus {
    per_s: NonZeroU32,
    left: u32,
}

impl RateLimitStatus {
    /// Tells it, as in the IETF's draft "RateLimit header fields for HTTP" (revision 10).
    pub(crate) fn write_headers(self, headers: &mut HeaderMap) {
        let policy = format!("\"key\";q={};w=1", self.per_s);
        let left = format!("\"key\";r={};t=1", self.left);
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

/// The rates of all keys that have one.
#[derive(Debug, Default)]
pub(super) struct KeyRateLimiters(Mutex<HashMap<String, (NonZeroU32, Arc<Limiter>)>>);

impl KeyRateLimiters {
    /// Counts a request of a key.
    ///
    /// # Errors
    /// When it has made too many.
    pub(super) fn acquire(
        &self,
        key: &AccessKey,
        keys: &AccessKeys,
    ) -> Result<Option<RateLimitStatus>, (RateLimitStatus, Box<Problem>)> {
        let Some(per_s) = key.requests_per_s else { return Ok(None) };
        let limiter = self.limiter(key, per_s, keys);
        match limiter.check() {
            Ok(state) => {
                Ok(Some(RateLimitStatus { per_s, left: state.remaining_burst_capacity() }))
            }
            Err(until) => {
                let wait = until.wait_time_from(DefaultClock::default().now());
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                let detail = format!("the key `{}` may make {per_s} requests in a second", key.id);
                let problem = Problem::new(ErrorCode::RateLimited, detail);
                let problem = problem.with("limit", per_s.get()).retry_after_s(seconds.max(1));
                Err((RateLimitStatus { per_s, left: 0 }, Box::new(problem)))
            }
        }
    }

    fn limiter(&self, key: &AccessKey, per_s: NonZeroU32, keys: &AccessKeys) -> Arc<Limiter> {
        let mut limiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, limiter)) = limiters.get(&key.id).filter(|(rate, _)| *rate == per_s) {
            return Arc::clone(limiter);
        }
        limiters.retain(|id, _| keys.contains_key(id));
        let limiter = RateLimiter::direct(Quota::per_second(per_s));
        let limiter = Arc::new(limiter.with_middleware::<StateInformationMiddleware>());
        limiters.insert(key.id.clone(), (per_s, Arc::clone(&limiter)));
        limiter
    }
}
