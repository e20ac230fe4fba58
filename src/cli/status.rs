//! `merganser status`: what the server says about itself, as an indented page.

use clap::Args;
use serde_json::Value;
use serde_json::value::RawValue;

use super::CliError;
use super::client::{ApiClient, ClientArgs};
use super::output::{self, OutputFormat};

/// Arguments of `merganser status`.
#[derive(Args, Debug)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Only say whether it can accept and answer, for which no key is needed
    #[arg(long)]
    ready: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    output: OutputFormat,
}

/// Gets the status and prints it.
pub(super) fn run(args: &StatusArgs) -> Result<(), CliError> {
    let client = ApiClient::new(&args.client)?;
    let path = if args.ready { "/readyz" } else { "/v1/status" };
    let reply = client.get(path, &[]).map_err(anyhow::Error::from)?.ok()?;
    Ok(match args.output {
        OutputFormat::Json => output::print_json(&reply.json::<Box<RawValue>>()?),
        OutputFormat::Table if args.ready => output::print("ready"),
        OutputFormat::Table => {
            let mut lines = Vec::new();
            status_lines(&reply.json::<Value>()?, 0, &mut lines);
            output::print(&lines.join("\n"))
        }
    }?)
}

/// A line for each name, deeper ones further in.
fn status_lines(value: &Value, depth: usize, lines: &mut Vec<String>) {
    let Value::Object(fields) = value else {
        lines.push(format!("{}{}", "  ".repeat(depth), short(value)));
        return;
    };
    let width = fields.keys().map(String::len).max().unwrap_or(0);
    let indent = "  ".repeat(depth);
    for (name, value) in fields {
        let label = name.replace('_', " ");
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                lines.push(format!("{indent}{label}"));
                status_lines(value, depth + 1, lines);
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                lines.push(format!("{indent}{label}"));
                items.iter().for_each(|item| status_lines(item, depth + 1, lines));
            }
            _ => lines.push(format!("{indent}{label:<width$}  {}", short(value)).trim_end().into()),
        }
    }
}

fn short(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(short).collect::<Vec<_>>().join(", "),
        Value::Object(_) => "–".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_line_up_and_inner_ones_are_further_in() {
        let status = serde_json::json!({
            "version": "0.1.0",
            "speed_store": { "kind": "memory", "lag_ms": 3 },
            "next_run": null,
        });
        let mut lines = Vec::new();
        status_lines(&status, 0, &mut lines);
        let expected = [
            "next run     –",
            "speed store",
            "  kind    memory",
            "  lag ms  3",
            "version      0.1.0",
        ];
        let mut sorted = lines.clone();
        sorted.sort_by_key(|line| expected.iter().position(|e| e == line));
        assert_eq!(sorted, expected);
        assert_eq!(lines.iter().position(|line| line.starts_with("  ")).map(|i| i > 0), Some(true));
    }
}
