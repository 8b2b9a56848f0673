//! Serves HTTP/1.1 on a listening socket, within limits of number and time.

use super::{
    TimeLimits,
    connection::{Connection, RequestProgress},
};
use actix_http::{HttpService, Protocol, Request, body::MessageBody, error::DispatchError};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, map_config};
use actix_web::{
    dev::{AppConfig, Extensions, Server, Service, ServiceFactory, fn_service},
    rt::net::TcpStream,
};
use std::{fmt, io, net::TcpListener, time::Duration};

/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long the rest of a body that was refused is received and thrown away, so that the client
/// reads the answer.
const LINGER: Duration = Duration::from_secs(1);

/// The limits of a listener.
#[derive(Clone, Copy, Debug)]
pub struct Capacity {
    /// Threads that answer requests.
    pub workers: usize,
    /// Threads for blocking work, of each worker.
    pub blocking_threads: usize,
    /// Open connections, of all workers together. Further ones wait in the queue of the system.
    pub connections: usize,
    /// How long requests in flight may take to finish after a stop.
    pub drain: Duration,
    /// The time limits of each connection.
    pub times: TimeLimits,
}

/// A server that answers with `app`; it does so once it is awaited or spawned. Must be called within
/// a Tokio runtime.
pub fn listen<F, I, S, B>(listener: TcpListener, capacity: Capacity, app: F) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<actix_http::Response<B>>,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let Capacity { workers, blocking_threads, connections, drain, times } = capacity;
    let builder = Server::build()
        .workers(workers)
        .worker_max_blocking_threads(blocking_threads)
        .max_concurrent_connections(connections.div_ceil(workers))
        .shutdown_timeout(drain.as_secs())
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let builder = builder.listen("http", listener, move || {
        let stopping = stopping.clone();
        let stopped = move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        };
        let app = app().into_factory().map_err(|error| error.into().error_response());
        let service = HttpService::build()
            .graceful_shutdown_signal(stopped)
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(times.head)
            .client_disconnect_timeout(LINGER)
            .on_connect_ext(share_progress)
            .finish(map_config(app, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| async move {
            let peer = stream.peer_addr().ok();
            Ok::<_, DispatchError>((Connection::new(stream, times), Protocol::Http1, peer))
        })
        .and_then(service)
    })?;
    Ok(builder.run())
}

/// Requests find the [`RequestProgress`] of their connection in its data.
fn share_progress(connection: &Connection<TcpStream>, data: &mut Extensions) {
    data.insert::<RequestProgress>(connection.progress());
}
