//! Sends requests that are bytes already, as fast as they are answered. It costs little itself:
//! it shares the machine with what it measures.

use crate::postings::Failure;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

const ACCEPTED: &[u8] = b"HTTP/1.1 204 ";
const HEAD_END: &[u8] = b"\r\n\r\n";
const HEAD_BYTES: usize = 4096;

/// How it went. Every request was accepted, or there is none.
pub struct Done {
    pub callbacks: f64,
    took: Duration,
}

impl Done {
    pub fn per_second(&self) -> f64 {
        self.callbacks / self.took.as_secs_f64()
    }
}

type Queue = Arc<Mutex<std::vec::IntoIter<Vec<u8>>>>;

/// Sends all, each when an answer has freed a connection, and waits for all answers.
pub async fn send(port: u16, requests: Vec<Vec<u8>>, connections: usize) -> Result<Done, Failure> {
    let callbacks = f64::from(u32::try_from(requests.len())?);
    let queue: Queue = Arc::new(Mutex::new(requests.into_iter()));
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        let connection = TcpStream::connect(("127.0.0.1", port)).await?;
        connection.set_nodelay(true)?;
        open.push(connection);
    }
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for connection in open {
        tasks.spawn(drive(connection, Arc::clone(&queue)));
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(Done { callbacks, took: started.elapsed() })
}

async fn drive(mut connection: TcpStream, queue: Queue) -> Result<(), String> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some(request) = next else { return Ok(()) };
        exchange(&mut connection, &request, &mut head).await.map_err(|error| error.to_string())?;
        if !head.starts_with(ACCEPTED) {
            return Err(format!("not accepted: {}", String::from_utf8_lossy(&head)));
        }
    }
}

/// The head of the answer; an accepted callback's has no body.
async fn exchange(
    connection: &mut TcpStream,
    request: &[u8],
    head: &mut Vec<u8>,
) -> std::io::Result<()> {
    connection.write_all(request).await?;
    head.clear();
    while !head.windows(HEAD_END.len()).any(|window| window == HEAD_END) {
        if connection.read_buf(head).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// The status of the answer to one request.
pub async fn status(port: u16, request: &[u8]) -> Result<u16, Failure> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut head = Vec::with_capacity(HEAD_BYTES);
    exchange(&mut connection, request, &mut head).await?;
    let text = String::from_utf8_lossy(&head);
    let status = text.split(' ').nth(1).ok_or("no status")?;
    Ok(status.parse()?)
}
