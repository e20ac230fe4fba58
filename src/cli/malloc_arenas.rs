//! One arena for what is written in C.
//!
//! Rust's memory comes from jemalloc, that of C code (zstd, the system's library) from glibc. The
//! latter reserves 64 MiB of addresses for each of the first threads that ask it, of which a
//! service under a bound of its addresses (`ulimit -v`) would be short. It reads how many arenas
//! there may be when a process starts, from the environment; so the service starts itself anew.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

const ARENAS_MAX: &str = "MALLOC_ARENA_MAX";

/// Starts this process's program anew in its place, unless the number of arenas is set. Where that
/// fails, it goes on: only more addresses are reserved.
pub(super) fn reexec_with_one_arena() {
    if !cfg!(target_os = "linux") || env::var_os(ARENAS_MAX).is_some() {
        return;
    }
    let mut arguments = env::args_os();
    if let (Ok(program), Some(name)) = (env::current_exe(), arguments.next()) {
        let _ = Command::new(program).arg0(name).args(arguments).env(ARENAS_MAX, "1").exec();
    }
}
