//! Events to tell, and a client that reads a stream.

use onecard::{
    base::{
        clock::Timestamp,
        db::{Db, DbError},
        http_client::{self, Timeouts},
        ids::{PersonId, SchoolId},
    },
    events::{self, Happening, NewEvent, OrderChanged},
};
use reqwest::{Response, header::ACCEPT};
use serde_json::Value;
use std::time::Duration;
use testkit::{PATIENCE, Student, World};
use uuid::Uuid;

/// Something to tell a person.
pub fn order_changed(person: PersonId, order: u128, at: Timestamp) -> NewEvent {
    let order_id = Uuid::from_u128(order);
    let what = Happening::OrderChanged(OrderChanged { order_id, state: "fulfilled".to_owned() });
    NewEvent { school: SchoolId::from_number(1), person, what, at }
}

/// Adds events, as a journey does.
pub async fn add(db: &Db, new: &[NewEvent]) -> Result<(), DbError> {
    db.in_tx(async |tx| events::add(tx, new).await).await
}

/// Tells a person something without the server under test, as another server would.
pub async fn tell(world: &World, student_no: &str, order: u128) {
    let person = PersonId::from_uuid(world.rows.person("xnec", student_no).await);
    add(&world.db, &[order_changed(person, order, testkit::now())]).await.unwrap();
}

/// A stream of events.
pub struct EventStream {
    response: Response,
    read: String,
}

impl EventStream {
    /// Opens it; `last` is the id of the last event heard.
    pub async fn open(student: &Student, last: Option<i64>) -> Self {
        let timeouts = Timeouts { connect: Duration::from_secs(5), total: PATIENCE };
        let address = format!("http://{}/api/v1/events", student.api.address());
        let mut request = http_client::build(timeouts).unwrap().get(address);
        request = request.header(ACCEPT, "text/event-stream").bearer_auth(&student.access_token);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { response, read: String::new() }
    }

    /// Its next part: lines up to an empty one. `None` where it has ended.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.read.find("\n\n") {
                let rest = self.read.split_off(end + 2);
                let mut part = std::mem::replace(&mut self.read, rest);
                part.truncate(end);
                return Some(part);
            }
            let more = self.response.chunk().await.unwrap()?;
            self.read.push_str(std::str::from_utf8(&more).unwrap());
        }
    }

    /// Its next event: id, kind, data.
    pub async fn event(&mut self) -> (i64, String, Value) {
        let part = self.next().await.expect("the stream has ended");
        let field = |name: &str| {
            let mut lines = part.lines().filter_map(|line| line.split_once(": "));
            let found = lines.find(|(field, _)| *field == name);
            found.unwrap_or_else(|| panic!("no {name} in {part}")).1.to_owned()
        };
        let data = serde_json::from_str(&field("data")).unwrap();
        (field("id").parse().unwrap(), field("event"), data)
    }
}
