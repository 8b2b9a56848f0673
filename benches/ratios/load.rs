//! Sends pre-built requests, as fast as they are answered or at a fixed rate. It uses little CPU
//! time, because it shares the machine with the measured program.

#![expect(clippy::float_arithmetic, reason = "ratios are floats; no money is computed here")]

use crate::postings::Failure;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

const HEAD_END: &[u8] = b"\r\n\r\n";
const LENGTH: &str = "\r\ncontent-length: ";
const ANSWER_BYTES: usize = 4096;

/// Requests with the answer that each must get.
pub struct Load {
    pub requests: Vec<Vec<u8>>,
    pub wanted: Wanted,
}

/// An answer: its status, and what its body ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub status: u16,
    pub end: &'static str,
}

impl Wanted {
    /// With any body.
    pub const fn status(status: u16) -> Self {
        Self { status, end: "" }
    }
}

/// The result of a load in which every request got the expected answer.
pub struct Done {
    pub answers: f64,
    took: Duration,
}

impl Done {
    pub fn per_second(&self) -> f64 {
        self.answers / self.took.as_secs_f64()
    }
}

type Queue = Arc<Mutex<std::vec::IntoIter<Vec<u8>>>>;

/// Sends all requests, each when a connection is free, and waits for all answers.
pub async fn send(port: u16, load: Load, connections: usize) -> Result<Done, Failure> {
    let answers = f64::from(u32::try_from(load.requests.len())?);
    let queue: Queue = Arc::new(Mutex::new(load.requests.into_iter()));
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(Connection::open(port).await?);
    }
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for connection in open {
        tasks.spawn(drive(connection, Arc::clone(&queue), load.wanted));
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(Done { answers, took: started.elapsed() })
}

async fn drive(mut connection: Connection, queue: Queue, wanted: Wanted) -> Result<(), String> {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some(request) = next else { return Ok(()) };
        connection.ask(&request, wanted).await?;
    }
}

/// Starts one piece of work after each `pause`, whether or not the previous ones are done, and
/// returns how long each took. Durations are measured from the actual start, so the timer's delay
/// of up to a millisecond is not counted.
pub async fn paced<W>(
    pause: Duration,
    pieces: impl IntoIterator<Item = W>,
) -> Result<Vec<Duration>, Failure>
where
    W: Future<Output = Result<(), String>> + Send + 'static,
{
    let mut due = tokio::time::interval(pause);
    let mut tasks = JoinSet::new();
    for work in pieces {
        due.tick().await;
        let started = Instant::now();
        tasks.spawn(async move { work.await.map(|()| started.elapsed()) });
    }
    let mut took = Vec::with_capacity(tasks.len());
    while let Some(done) = tasks.join_next().await {
        took.push(done??);
    }
    Ok(took)
}

/// A pool of idle connections. They take turns: the server closes one that is idle for 5 s.
#[derive(Clone)]
pub struct Idle {
    port: u16,
    connections: Arc<Mutex<VecDeque<Connection>>>,
}

impl Idle {
    pub fn new(port: u16) -> Self {
        Self { port, connections: Arc::default() }
    }

    /// Sends a request and waits for an answer with this status.
    pub async fn ask(self, request: Vec<u8>, status: u16) -> Result<(), String> {
        self.expect(request, Wanted::status(status)).await
    }

    /// Sends a request and waits for this answer.
    pub async fn expect(self, request: Vec<u8>, wanted: Wanted) -> Result<(), String> {
        let idle = || self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let free = idle().pop_front();
        let mut connection = match free {
            Some(connection) => connection,
            None => Connection::open(self.port).await.map_err(|error| error.to_string())?,
        };
        connection.ask(&request, wanted).await?;
        idle().push_back(connection);
        Ok(())
    }
}

/// A keep-alive connection with its last answer.
struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(ANSWER_BYTES) })
    }

    async fn ask(&mut self, request: &[u8], wanted: Wanted) -> Result<(), String> {
        self.exchange(request).await.map_err(|error| error.to_string())?;
        if self.status() == Some(wanted.status) && self.answer.ends_with(wanted.end.as_bytes()) {
            return Ok(());
        }
        Err(format!("not {wanted:?}: {}", String::from_utf8_lossy(&self.answer)))
    }

    /// Sends a request and reads one complete answer: the head and the body of the stated length.
    async fn exchange(&mut self, request: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        let mut whole = None;
        while whole.is_none_or(|whole| self.answer.len() < whole) {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            whole = whole.or_else(|| whole_length(&self.answer));
        }
        Ok(())
    }

    fn status(&self) -> Option<u16> {
        let status = self.answer.get(9..12)?;
        str::from_utf8(status).ok()?.parse().ok()
    }
}

/// The length of an answer with its body, once its head is complete.
fn whole_length(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(HEAD_END.len()).position(|window| window == HEAD_END)?;
    let fields = str::from_utf8(answer.get(..head)?).ok()?;
    let length = fields.split_once(LENGTH).and_then(|(_, rest)| rest.lines().next());
    Some(head + HEAD_END.len() + length.and_then(|length| length.parse().ok()).unwrap_or(0))
}

/// The status of the answer to one request.
pub async fn status(port: u16, request: &[u8]) -> Result<u16, Failure> {
    let mut connection = Connection::open(port).await?;
    connection.exchange(request).await?;
    connection.status().ok_or_else(|| "no status".into())
}

/// Sends one request, which must get this answer.
pub async fn expect(port: u16, request: &[u8], wanted: Wanted) -> Result<(), Failure> {
    Ok(Connection::open(port).await?.ask(request, wanted).await?)
}
