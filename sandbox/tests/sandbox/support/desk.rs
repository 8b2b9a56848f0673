//! A server that tills ask: it answers what it is told to, and keeps what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

/// One request of a till.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub line: String,
    pub body: Value,
    /// The signature's parameters.
    pub input: String,
}

#[derive(Default)]
struct State {
    asked: Mutex<Vec<Asked>>,
    answers: Mutex<VecDeque<(u16, Value)>>,
}

pub struct Desk {
    pub url: String,
    state: Data<State>,
    handle: ServerHandle,
}

impl Desk {
    /// The last number that it knows is 41; it answers acts in turn.
    pub fn start(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        let answers = Mutex::new(answers.into_iter().collect());
        let state = Data::from(Arc::new(State { answers, ..State::default() }));
        let shared = state.clone();
        let app = move || App::new().app_data(shared.clone()).default_service(web::to(answer));
        let server = HttpServer::new(app).workers(1).disable_signals();
        let server = server.bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, state, handle }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn answer(request: HttpRequest, body: Bytes, state: Data<State>) -> HttpResponse {
    if request.path() == "/terminal/v1/config" {
        return HttpResponse::Ok().json(json!({ "last_seq": 41 }));
    }
    let input = request.headers().get("Signature-Input").unwrap().to_str().unwrap().to_owned();
    let line = format!("{} {}", request.method(), request.path());
    let body = serde_json::from_slice(&body).unwrap();
    state.asked.lock().unwrap().push(Asked { line, body, input });
    let (status, body) = state.answers.lock().unwrap().pop_front().unwrap();
    HttpResponse::build(status.try_into().unwrap()).json(body)
}
