//! What the documents say to type works, and prints what they show.
//!
//! Every `sh` block of `README.md` and `docs/*.md` runs, those of a document in their order, in one
//! shell and a directory that is empty at first. A `text` or `json` block right behind one is what
//! it prints, where blanks do not count and `…` stands for anything. What cannot run here has
//! another tag, as `console`. A document that starts no service is about one that runs: it finds
//! one.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{env, fs, thread};

use tempfile::TempDir;

use crate::redis_server::free_port;
use crate::server::merganser;

/// Documents that show how something is done.
const SHOWING: [&str; 4] = ["README.md", "docs/guide.md", "docs/operations.md", "docs/recipes.md"];

/// Addresses of services in the documents; each becomes one that is free.
const ADDRESSES: [&str; 2] = ["127.0.0.1:8080", "127.0.0.1:8081"];

/// How long a document may take, in seconds.
const LIMIT_S: &str = "120";

#[test]
fn what_is_to_be_typed_works() {
    let documents: Vec<Document> =
        paths().into_iter().map(|path| Document::of(&read(&path), path)).collect();
    for path in SHOWING {
        let shows = |document: &Document| document.path == path && !document.steps.is_empty();
        assert!(documents.iter().any(shows), "{path} has no `sh` block");
    }
    let reports: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> =
            documents.iter().map(|document| scope.spawn(move || document.run())).collect();
        running.into_iter().filter_map(|one| one.join().unwrap()).collect()
    });
    assert!(reports.is_empty(), "\n{}", reports.join("\n"));
}

#[test]
fn blanks_do_not_count_and_what_is_left_out_may_be_anything() {
    assert!(is_as_shown("a  b\nc", "a b c\n"));
    assert!(!is_as_shown("a b", "a b c"));
    assert!(is_as_shown("a…c", "a b c") && is_as_shown("…", "") && is_as_shown("a…", "a"));
    assert!(is_as_shown("{\"x\":1,…,\n \"z\":…}", "{\"x\":1,\"y\":2,\"z\":3}"));
    assert!(!is_as_shown("a…b…c", "a c b"));
}

#[test]
fn links_lead_somewhere() {
    let mut report = String::new();
    for path in paths() {
        let place = workspace().join(&path);
        let folder = place.parent().unwrap();
        for rest in read(&path).split("](").skip(1) {
            let link = rest.split(')').next().unwrap_or_default();
            let file = link.split('#').next().unwrap_or_default();
            let is_elsewhere = link.starts_with("http") || file.is_empty();
            if !is_elsewhere && !folder.join(file).exists() {
                writeln!(report, "  {path}: {link}").unwrap();
            }
        }
    }
    assert!(report.is_empty(), "links to what is not there:\n{report}");
}

#[test]
fn every_alert_is_documented() {
    let names = |path: &str, before: &str| -> BTreeSet<String> {
        let text = read(path);
        let rests = text.lines().filter_map(|line| line.trim().strip_prefix(before));
        rests.map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect()).collect()
    };
    let alerts = names("deploy/prometheus/alerts.yml", "- alert: Merganser");
    assert!(!alerts.is_empty());
    assert_eq!(names("docs/operations.md", "- `Merganser"), alerts);
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Of all documents, from the workspace on.
fn paths() -> Vec<String> {
    let entries = fs::read_dir(workspace().join("docs")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut paths: Vec<String> =
        names.filter(|name| name.ends_with(".md")).map(|name| format!("docs/{name}")).collect();
    paths.push("README.md".to_owned());
    paths.sort();
    paths
}

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A document's commands.
struct Document {
    path: String,
    /// Where its service answers.
    listen: String,
    steps: Vec<Step>,
}

/// A block of commands.
struct Step {
    line: usize,
    commands: String,
    /// What it prints.
    shown: Option<String>,
}

impl Step {
    fn starts_a_service(&self) -> bool {
        self.commands.lines().any(|line| line.starts_with("merganser ") && line.ends_with(" &"))
    }
}

impl Document {
    fn of(text: &str, path: String) -> Self {
        let free = ADDRESSES.map(|_| format!("127.0.0.1:{}", free_port()));
        let mut text = text.to_owned();
        for (address, free) in ADDRESSES.iter().zip(&free) {
            text = text.replace(address, free);
        }
        let mut steps: Vec<Step> = Vec::new();
        let mut before = String::new();
        for Block { tag, line, text } in blocks(&text) {
            if tag == "sh" {
                steps.push(Step { line, commands: text, shown: None });
            } else if before == "sh"
                && ["text", "json"].contains(&&*tag)
                && let Some(step) = steps.last_mut()
            {
                step.shown = Some(text);
            }
            before = tag;
        }
        let [listen, _] = free;
        Self { path, listen, steps }
    }

    /// Runs its commands; what was not as it should be.
    fn run(&self) -> Option<String> {
        if self.steps.is_empty() {
            return None;
        }
        let place = TempDir::new().unwrap();
        let (typed, kept) = (place.path().join("typed"), place.path().join("kept"));
        fs::create_dir(&typed).unwrap();
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("script"), self.script(&kept)).unwrap();
        let output = self.shell(&kept).current_dir(typed).output().unwrap();
        self.judge(&kept, &output)
    }

    /// The commands as one script. What each block prints goes to a file of its own in `kept`.
    fn script(&self, kept: &Path) -> String {
        let kept = kept.display();
        // What runs in the background ends with it.
        let mut script = "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n".to_owned();
        if !self.steps.iter().any(Step::starts_a_service) {
            let serve = format!("merganser serve --data-dir '{kept}/data' --schedule ''");
            writeln!(script, "{serve} --full-schedule '' >'{kept}/server.log' 2>&1 &").unwrap();
            let is_ready = format!("merganser status --ready >'{kept}/ready' 2>&1");
            writeln!(script, "until {is_ready}; do sleep 0.1; done").unwrap();
        }
        for (n, step) in self.steps.iter().enumerate() {
            write!(script, "exec >'{kept}/{n}.out' 2>&1\n{}", step.commands).unwrap();
        }
        script
    }

    /// A shell that runs the script, for a while, with the binary and nothing else of the caller's
    /// settings.
    fn shell(&self, kept: &Path) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", LIMIT_S, "bash", "-euo", "pipefail"]);
        command.arg(kept.join("script")).stdin(Stdio::null());
        let clean = merganser();
        for (name, _) in clean.get_envs().filter(|(_, value)| value.is_none()) {
            command.env_remove(name);
        }
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_merganser"));
        let folder = binary.parent().unwrap().to_owned();
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([folder].into_iter().chain(env::split_paths(&path))).unwrap();
        command
            .env("PATH", path)
            .env("MERGANSER_LISTEN", &self.listen)
            .env("MERGANSER_SERVER", format!("http://{}", self.listen))
            .env("MERGANSER_DISK_FLOOR_BYTES", "1MiB")
            .env("XDG_STATE_HOME", kept.join("state"))
            .env("no_proxy", "127.0.0.1");
        command
    }

    fn judge(&self, kept: &Path, output: &Output) -> Option<String> {
        let read = |name: &str| fs::read(kept.join(name)).map(|bytes| lossy(&bytes));
        let outs = (0..self.steps.len()).map_while(|n| read(&format!("{n}.out")).ok());
        let printed: Vec<String> = outs.collect();
        if !output.status.success() {
            let step = &self.steps[printed.len().saturating_sub(1)];
            let last = printed.last().map(String::as_str).unwrap_or_default();
            return Some(format!(
                "{}:{}: {} of\n{}which printed:\n{last}{}{}",
                self.path,
                step.line,
                output.status,
                step.commands,
                lossy(&output.stderr),
                read("server.log").unwrap_or_default()
            ));
        }
        let mut report = String::new();
        for (step, printed) in self.steps.iter().zip(&printed) {
            let Some(shown) = step.shown.as_ref().filter(|shown| !is_as_shown(shown, printed))
            else {
                continue;
            };
            let place = format!("{}:{}", self.path, step.line);
            writeln!(report, "{place}: shown is\n{shown}and printed was\n{printed}").unwrap();
        }
        (!report.is_empty()).then_some(report)
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A fenced block.
struct Block {
    tag: String,
    /// Where it begins.
    line: usize,
    text: String,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (n, line) in text.lines().enumerate() {
        open = match (line.strip_prefix("```"), open.take()) {
            (Some(tag), None) => {
                Some(Block { tag: tag.to_owned(), line: n + 1, text: String::new() })
            }
            (Some(_), Some(block)) => {
                blocks.push(block);
                None
            }
            (None, Some(block)) => Some(Block { text: format!("{}{line}\n", block.text), ..block }),
            (None, None) => None,
        };
    }
    assert!(open.is_none(), "a block does not end");
    blocks
}

/// Whether a text is what a document shows.
fn is_as_shown(shown: &str, printed: &str) -> bool {
    let dense = |text: &str| text.split_whitespace().collect::<String>();
    let (shown, printed) = (dense(shown), dense(printed));
    let Some((head, end)) = shown.rsplit_once('…') else { return shown == printed };
    let mut pieces = head.split('…');
    let start = pieces.next().unwrap_or_default();
    let rest = printed
        .strip_prefix(start)
        .and_then(|rest| pieces.try_fold(rest, |rest, piece| Some(rest.split_once(piece)?.1)));
    rest.is_some_and(|rest| rest.ends_with(end))
}
