//! The targets under libFuzzer. `FUZZ_TARGET` names the one to run; all arguments are libFuzzer's.
#![no_main]

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::{Mutex, OnceLock, PoisonError};

use libfuzzer_sys::fuzz_target;

static CHECK: OnceLock<fuzz::Check> = OnceLock::new();

/// What the last panic said. The service catches some by design, so only one that leaves a target
/// counts.
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

fn start() {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let names = fuzz::ALL.map(|(name, _)| name).join(", ");
    let check = fuzz::named(&name);
    let check =
        check.unwrap_or_else(|| panic!("FUZZ_TARGET is `{name}`; it must be one of {names}"));
    CHECK.get_or_init(|| check);
    set_hook(Box::new(|panic| {
        *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
    }));
}

fuzz_target!(init: start(), |input: &[u8]| {
    if let Some(check) = CHECK.get()
        && catch_unwind(AssertUnwindSafe(|| check(input))).is_err()
    {
        eprintln!("{}", LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner));
        std::process::abort();
    }
});
