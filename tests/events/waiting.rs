//! Waiting, without a server around it.

use onecard::{
    base::{
        clock::SystemClock,
        ids::{PersonId, SchoolId},
    },
    events::Position,
    feed::{Feed, FeedError, TooManyListeners},
    sessions::{IdentityId, Platform, PlatformUser, SessionId, Student, UserIds},
};
use std::{sync::Arc, time::Duration};
use testkit::{TestDb, on_each_empty_database, within};
use uuid::Uuid;

on_each_empty_database!(a_wait_ends_by_itself, a_seat_is_given_back);

fn student(n: u128) -> Student {
    let id = Uuid::from_u128(n);
    let user = PlatformUser {
        platform: Platform::Wechat,
        app_id: String::new(),
        ids: UserIds::OpenId(String::new()),
    };
    Student {
        session: SessionId::from_uuid(id),
        identity: IdentityId::from_uuid(id),
        person: PersonId::from_uuid(id),
        school: SchoolId::from_number(1),
        user,
    }
}

async fn a_wait_ends_by_itself(test: &TestDb) {
    let feed = Feed::new(test.db.clone(), Arc::new(SystemClock), Duration::from_millis(20));
    let mut listener = feed.listen(&student(1), Some(Position::START)).await.unwrap();
    assert!(listener.goes_on());
    assert_eq!(within(Duration::from_secs(5), listener.next()).await.unwrap(), []);
}

async fn a_seat_is_given_back(test: &TestDb) {
    let feed = Feed::new(test.db.clone(), Arc::new(SystemClock), Duration::from_secs(5));
    let mut seats = Vec::new();
    for _ in 0..4 {
        seats.push(feed.listen(&student(1), None).await.unwrap());
    }
    let fifth = feed.listen(&student(1), None).await;
    assert!(matches!(fifth, Err(FeedError::TooMany(TooManyListeners::Session))));
    assert!(feed.listen(&student(2), None).await.is_ok(), "another session");
    drop(seats.pop());
    let again = feed.listen(&student(1), None).await.unwrap();
    assert!(!again.goes_on());
    assert!(feed.listen(&student(1), None).await.is_err());
}
