//! HTTP/1.1 over one connection that is kept: a request, its reply, the next one.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A connection.
pub(crate) struct Connection {
    stream: TcpStream,
    server: String,
    head: Vec<u8>,
    buffer: Vec<u8>,
}

/// A reply.
pub(crate) struct Reply<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

const REPLY_BYTES_MAX: usize = 1 << 26;
/// How long a reply may take.
const REPLY_TIME_MAX: Duration = Duration::from_secs(60);

impl Connection {
    pub(crate) async fn open(server: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(server).await;
        let stream = stream.with_context(|| format!("connecting {server}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, server: server.to_owned(), head: Vec::new(), buffer: Vec::new() })
    }

    pub(crate) async fn post(&mut self, path: &str, body: &[u8]) -> anyhow::Result<Reply<'_>> {
        self.head.clear();
        write!(
            self.head,
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-ndjson\r\n\
             content-length: {}\r\n\r\n",
            self.server,
            body.len()
        )?;
        if body.len() < 1 << 14 {
            self.head.extend_from_slice(body);
            self.stream.write_all(&self.head).await?;
        } else {
            self.stream.write_all(&self.head).await?;
            self.stream.write_all(body).await?;
        }
        timeout(REPLY_TIME_MAX, self.reply()).await.context("no reply came in time")?
    }

    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<Reply<'_>> {
        self.head.clear();
        write!(self.head, "GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.server)?;
        self.stream.write_all(&self.head).await?;
        timeout(REPLY_TIME_MAX, self.reply()).await.context("no reply came in time")?
    }

    async fn reply(&mut self) -> anyhow::Result<Reply<'_>> {
        self.buffer.clear();
        let start = loop {
            self.more().await?;
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
        };
        let head = std::str::from_utf8(&self.buffer[..start])?.to_ascii_lowercase();
        let status = head.get(9..12).and_then(|s| s.parse().ok()).context("a status line")?;
        if head.contains("transfer-encoding: chunked") {
            while !self.buffer.ends_with(b"0\r\n\r\n") {
                self.more().await?;
            }
            return Ok(Reply { status, body: &self.buffer[start..] });
        }
        let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.context("a content-length")?.trim().parse()?;
        while self.buffer.len() < start + length {
            self.more().await?;
        }
        Ok(Reply { status, body: &self.buffer[start..start + length] })
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        let from = self.buffer.len();
        if from > REPLY_BYTES_MAX {
            bail!("the reply is over {REPLY_BYTES_MAX} bytes");
        }
        self.buffer.resize(from + 16_384, 0);
        let read = self.stream.read(&mut self.buffer[from..]).await?;
        self.buffer.truncate(from + read);
        if read == 0 {
            bail!("the service closed the connection");
        }
        Ok(())
    }
}

/// Where `needle` begins.
pub(crate) fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len()).position(|part| part == needle)
}

/// The number that follows `name` in a JSON text, which this search does not parse.
pub(crate) fn number(body: &[u8], name: &str) -> Option<u64> {
    let after = find(body, name.as_bytes())? + name.len();
    let digits = body[after..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(None, |number: Option<u64>, digit| {
        Some(number.unwrap_or(0) * 10 + u64::from(digit - b'0'))
    })
}
