//! What a process of several does: the setting `--role`.

use std::fmt;
use std::str::FromStr;

/// What a process stands ready for. Every process answers every request; what it does not do itself
/// it hands to the one that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Roles {
    /// To own the journal: of all that are ready for it one does.
    pub(crate) ingest: bool,
    /// To do the runs: of all that are ready for it one does.
    pub(crate) batch: bool,
    /// To make parts of runs, beside all others that are ready for it.
    pub(crate) executor: bool,
    /// Whether it is one of several processes.
    pub(crate) is_cluster: bool,
}

impl Default for Roles {
    fn default() -> Self {
        Self { ingest: true, batch: true, executor: false, is_cluster: false }
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_cluster {
            return f.write_str("all");
        }
        // Every process answers queries, so that this goes without saying beside another one.
        let given = [(self.ingest, "ingest"), (self.batch, "batch"), (self.executor, "executor")];
        let given: Vec<&str> = given.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
        match &*given {
            [] => f.write_str("serving"),
            given => f.write_str(&given.join(",")),
        }
    }
}

impl FromStr for Roles {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::default());
        }
        let mut roles = Self { ingest: false, batch: false, executor: false, is_cluster: true };
        for role in text.split(',').map(str::trim) {
            match role {
                "ingest" => roles.ingest = true,
                "batch" => roles.batch = true,
                "executor" => roles.executor = true,
                "serving" => {}
                _ => {
                    return Err(format!(
                        "`{role}` is no role; expected all, for the only process, or some of \
                         ingest, serving, batch and executor, with commas between"
                    ));
                }
            }
        }
        Ok(roles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read() {
        let roles =
            |ingest, batch, is_cluster| Ok(Roles { ingest, batch, executor: false, is_cluster });
        assert_eq!("all".parse(), roles(true, true, false));
        assert_eq!("ingest".parse(), roles(true, false, true));
        assert_eq!("batch, serving".parse(), roles(false, true, true));
        assert_eq!("serving".parse(), roles(false, false, true));
        assert_eq!("ingest,serving,batch".parse(), roles(true, true, true));
        let both = Roles { ingest: false, batch: true, executor: true, is_cluster: true };
        assert_eq!("executor,batch".parse(), Ok(both));
        assert_eq!(both.to_string(), "batch,executor");
        for wrong in ["", "all,batch", "ingester"] {
            let error = wrong.parse::<Roles>().unwrap_err();
            assert!(error.contains("expected all"), "{error}");
        }
    }
}
