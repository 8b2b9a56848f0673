//! Platform certificates: fetching, rotation and trust.

use super::super::{
    WechatPay, WechatPaySettings,
    certificate::{BadCertificate, PlatformCertificate},
    certificates::BadAnswer,
    keys::TrustedKeys,
    sealed::{ApiV3Key, NotOpened},
    testing::{
        API_V3_KEY, APP_ID, NOW, Platform, TestHeaders, certificate, certificate_serial, entry,
        envelope, gateway, http, keys, settings, sign, transaction, with_headers,
    },
    upkeep::{FetchPace, NotFetched},
};
use crate::{
    base::{
        clock::{ManualClock, Timestamp},
        crypto::{
            keyring::{Key32, KeyRing, NamedKey},
            row_mac::RowMacs,
            rsa::BadKey,
        },
        db::{Db, DbSettings},
        http_client::{
            self, Timeouts,
            test_server::{Reply, TestServer},
        },
    },
    payments::gateway::{GatewayError, NotificationRefused, PaymentGateway, RawNotification},
};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Settings for platform certificate mode, without any certificate yet.
fn certificate_mode(base_url: &str) -> WechatPaySettings {
    WechatPaySettings {
        keys: TrustedKeys::default(),
        public_key_id: None,
        fetch_certificates: true,
        ..settings(base_url)
    }
}

/// The same settings with a platform certificate.
fn with_certificate(settings: WechatPaySettings, platform: &Platform) -> WechatPaySettings {
    let certificate = PlatformCertificate::from_pem(platform.pem.as_bytes()).unwrap();
    WechatPaySettings { keys: settings.keys.with_certificates([certificate]), ..settings }
}

fn fetching(replies: impl IntoIterator<Item = Reply>) -> (WechatPay, TestServer) {
    let server = TestServer::start(replies);
    let settings = certificate_mode(&server.base_url());
    (WechatPay::new(settings, APP_ID, http()), server)
}

fn answer(entries: &[Value]) -> String {
    json!({ "data": entries }).to_string()
}

/// A list of certificates, signed by one of them or by none.
fn certificates(listed: &[&Platform], signer: &Platform) -> Reply {
    let entries: Vec<Value> = listed.iter().map(|platform| platform.entry()).collect();
    signed(&answer(&entries), signer)
}

fn signed(body: &str, signer: &Platform) -> Reply {
    with_headers(Reply::new(200).body(body), &signer.sign(body.as_bytes(), NOW))
}

/// Fetches and trusts, as the background job does between two pauses.
async fn refresh(gateway: &WechatPay) -> Result<(), NotFetched> {
    gateway.trust(gateway.fetch(NOW).await?);
    Ok(())
}

/// The gateway's result for a payment notification with the signature of `headers`.
fn notified(
    gateway: &WechatPay,
    sign: impl Fn(&[u8], Timestamp) -> TestHeaders,
) -> Result<(), NotificationRefused> {
    let body = envelope(&transaction().to_string(), "transaction").to_string();
    let headers = sign(body.as_bytes(), NOW);
    gateway.verify(&RawNotification { headers: &headers, body: body.as_bytes() }, NOW).map(drop)
}

fn told(gateway: &WechatPay, platform: &Platform) -> Result<(), NotificationRefused> {
    notified(gateway, |body, at| platform.sign(body, at))
}

#[tokio::test]
async fn v3_certificates_response() {
    let file = include_str!("../../../../tests/fixtures/wechat/platform_certificates.json");
    let file: Value = serde_json::from_str(file).unwrap();
    let headers = file["headers"].as_object().unwrap().iter();
    let reply = headers
        .fold(Reply::new(200).body(file["body"].as_str().unwrap()), |reply, (name, value)| {
            reply.header(name, value.as_str().unwrap())
        });
    let (gateway, server) = fetching([reply]);
    assert_eq!(told(&gateway, &Platform::first()), Err(NotificationRefused::NoKeys));
    refresh(&gateway).await.unwrap();
    assert_eq!(told(&gateway, &Platform::first()), Ok(()));
    assert_eq!(
        Platform::first().pem.trim(),
        file["expect"]["certificate_pem"].as_str().unwrap().trim()
    );
    let request = &server.requests()[0];
    assert!(request.head.starts_with("GET /v3/certificates HTTP/1.1\r\n"), "{}", request.head);
    assert!(!request.head.to_lowercase().contains("wechatpay-serial"));
}

#[tokio::test]
async fn old_and_new_certificates_stand_side_by_side_until_the_old_one_is_gone() {
    let (old, new) = (Platform::first(), Platform::named("rotated"));
    let (gateway, _server) = fetching([
        certificates(&[&old], &old),
        certificates(&[&old, &new], &old),
        certificates(&[&new], &new),
    ]);
    let unknown = Err(NotificationRefused::UnknownSerial);
    for expected in [(Ok(()), unknown), (Ok(()), Ok(())), (unknown, Ok(()))] {
        refresh(&gateway).await.unwrap();
        assert_eq!((told(&gateway, &old), told(&gateway, &new)), expected);
    }
}

#[tokio::test]
async fn both_modes_verify_side_by_side() {
    let platform = Platform::first();
    let server = TestServer::start([]);
    let both = with_certificate(settings(&server.base_url()), &platform);
    let gateway = WechatPay::new(both, APP_ID, http());
    assert_eq!(told(&gateway, &platform), Ok(()));
    assert_eq!(notified(&gateway, sign), Ok(()));
    assert_eq!(told(&gateway, &Platform::merchant()), Err(NotificationRefused::UnknownSerial));
}

#[tokio::test]
async fn a_configured_certificate_that_was_followed_while_we_slept_is_followed() {
    let (old, new) = (Platform::first(), Platform::named("rotated"));
    let server = TestServer::start([certificates(&[&new], &new)]);
    let settings = with_certificate(certificate_mode(&server.base_url()), &old);
    let gateway = WechatPay::new(settings, APP_ID, http());
    refresh(&gateway).await.unwrap();
    assert_eq!((told(&gateway, &old), told(&gateway, &new)), (Ok(()), Ok(())));
}

/// An answer that must be rejected, and the expected reason.
type Bad = (&'static str, Reply, NotFetched);

fn doubtful_signatures() -> Vec<Bad> {
    let (first, merchant) = (Platform::first(), Platform::merchant());
    let body = answer(&[first.entry()]);
    let with = |headers: TestHeaders| with_headers(Reply::new(200).body(body.as_str()), &headers);
    let mut claimed = merchant.sign(body.as_bytes(), NOW);
    claimed.0.insert("wechatpay-serial".to_owned(), first.serial.clone());
    let expired = Platform::named("expired");
    let replies = [
        ("unsigned", Reply::new(200).body(body.as_str())),
        ("signed with a key that is not in it", with(merchant.sign(body.as_bytes(), NOW))),
        ("signed with a key that is not the named one", with(claimed)),
        (
            "signed too long ago",
            with(first.sign(body.as_bytes(), NOW.minus(Duration::from_secs(301)))),
        ),
        ("another body than was signed", with(first.sign(b"{}", NOW))),
        ("signed with an expired certificate", certificates(&[&expired], &expired)),
        ("too long", Reply::new(200).body("x".repeat(1024 * 1024 + 1))),
        ("HTML of a gateway", Reply::new(502).body("<html></html>")),
        ("nothing", Reply::silence()),
    ];
    let unknown = |(name, reply)| (name, reply, GatewayError::Unknown.into());
    replies.into_iter().map(unknown).collect()
}

fn doubtful_contents() -> Vec<Bad> {
    let (first, merchant) = (Platform::first(), Platform::merchant());
    let listed = |entries: &[Value]| signed(&answer(entries), &Platform::first());
    let one = |serial: &str, pem: &str| listed(&[entry(serial, pem, API_V3_KEY)]);
    let named = |name: &str| one(&certificate_serial(name), &certificate(name));
    let sealed_otherwise = entry(&first.serial, &first.pem, b"TESTONLY_apiv3_key_32bytes_0002x");
    let mut other_cipher = first.entry();
    other_cipher["encrypt_certificate"]["algorithm"] = "AEAD_SM4_GCM".into();
    let short = || BadAnswer::Certificate(BadCertificate::Key(BadKey::NotRsa2048));
    let no_pem = BadAnswer::Certificate(BadCertificate::NotPem);
    let answers = [
        ("the merchant's own", certificates(&[&merchant], &merchant), BadAnswer::Own),
        ("with the merchant's own", certificates(&[&first, &merchant], &first), BadAnswer::Own),
        ("another API v3 key", listed(&[sealed_otherwise]), NotOpened::Altered.into()),
        ("another cipher", listed(&[other_cipher]), NotOpened::Malformed.into()),
        ("another serial", one(&merchant.serial, &first.pem), BadAnswer::Serial),
        ("no certificate", one(&first.serial, &keys().wechat_public_pem), no_pem),
        ("a short key", named("short_key"), short()),
        ("another kind of key", named("elliptic"), short()),
        ("none", listed(&[]), BadAnswer::Count),
        ("too many", listed(&vec![first.entry(); 17]), BadAnswer::Count),
        ("no list", signed("{}", &first), BadAnswer::Form),
        ("HTML", Reply::new(200).body("<html></html>"), BadAnswer::Form),
    ];
    answers.into_iter().map(|(name, reply, why)| (name, reply, why.into())).collect()
}

fn a_merchant_without_certificates() -> Bad {
    let body = r#"{"code":"RESOURCE_NOT_EXISTS","message":"m"}"#;
    let refused = GatewayError::Refused { code: "RESOURCENOTEXISTS".to_owned() };
    ("a merchant without certificates", Reply::new(404).body(body), refused.into())
}

#[tokio::test]
async fn an_answer_that_is_not_beyond_doubt_changes_no_key() {
    let timeouts = Timeouts { total: Duration::from_millis(500), ..Timeouts::default() };
    let bad = doubtful_signatures().into_iter().chain(doubtful_contents());
    for (name, reply, expected) in bad.chain([a_merchant_without_certificates()]) {
        let server = TestServer::start([reply]);
        let http = http_client::build(timeouts).unwrap();
        let gateway = WechatPay::new(certificate_mode(&server.base_url()), APP_ID, http);
        assert_eq!(refresh(&gateway).await.unwrap_err(), expected, "{name}");
        for signer in [Platform::first(), Platform::merchant(), Platform::named("expired")] {
            assert_eq!(told(&gateway, &signer), Err(NotificationRefused::NoKeys), "{name}");
        }
    }
}

/// A certificate may verify itself only on the first fetch; later answers need an already trusted
/// key.
#[tokio::test]
async fn after_the_first_fetch_only_a_believed_key_introduces_another() {
    let (old, new) = (Platform::first(), Platform::named("rotated"));
    let (gateway, _server) =
        fetching([certificates(&[&old], &old), certificates(&[&old, &new], &new)]);
    refresh(&gateway).await.unwrap();
    assert!(refresh(&gateway).await.is_err());
    assert_eq!(told(&gateway, &new), Err(NotificationRefused::UnknownSerial));
    assert_eq!(told(&gateway, &old), Ok(()));
}

#[tokio::test]
async fn beside_a_public_key_no_certificate_vouches_for_itself() {
    let platform = Platform::first();
    let body = answer(&[platform.entry()]);
    let under_the_public_key =
        with_headers(Reply::new(200).body(body.as_str()), &sign(body.as_bytes(), NOW));
    let server = TestServer::start([certificates(&[&platform], &platform), under_the_public_key]);
    let both = WechatPaySettings { fetch_certificates: true, ..settings(&server.base_url()) };
    let gateway = WechatPay::new(both, APP_ID, http());
    assert!(refresh(&gateway).await.is_err());
    assert_eq!(told(&gateway, &platform), Err(NotificationRefused::UnknownSerial));
    refresh(&gateway).await.unwrap();
    assert_eq!(told(&gateway, &platform), Ok(()));
    assert_eq!(server.requests()[1].header("wechatpay-serial"), keys().wechat_key_id);
}

/// A database of SQLite's, for as long as it is held.
struct Database {
    db: Db,
    _folder: tempfile::TempDir,
}

impl Database {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = NamedKey::unnamed(Key32::from_bytes([1; 32]));
        let settings = DbSettings {
            url: format!("sqlite://{}", folder.path().join("onecard.db").display()),
            max_connections: 4,
            macs: Arc::new(RowMacs::new(&KeyRing::single(key))),
        };
        let db = Db::connect(settings).await.unwrap();
        db.migrate().await.unwrap();
        Self { db, _folder: folder }
    }
}

/// What a process that fetches nothing believes of a message signed by each of these.
async fn recalled(
    database: &Database,
    settings: WechatPaySettings,
    signers: [&Platform; 2],
) -> [Result<(), NotificationRefused>; 2] {
    let gateway = WechatPay::new(settings, APP_ID, http());
    gateway.recall_certificates(&database.db).await.unwrap();
    signers.map(|signer| told(&gateway, signer))
}

#[tokio::test]
async fn every_certificate_that_was_fetched_is_recalled_by_who_has_the_api_v3_key() {
    let (old, new) = (Platform::first(), Platform::named("rotated"));
    let (gateway, server) = fetching([
        certificates(&[&old, &old], &old),
        certificates(&[&old, &new], &old),
        certificates(&[&new], &new),
    ]);
    let database = Database::new().await;
    for _ in 0..3 {
        gateway.refresh(&database.db, NOW).await.unwrap();
    }
    let base_url = server.base_url();
    let own = certificate_mode(&base_url);
    assert_eq!(recalled(&database, own, [&old, &new]).await, [Ok(()), Ok(())]);

    let another_key = ApiV3Key::new(&[7; 32]).unwrap();
    let stranger = WechatPaySettings { api_v3_key: another_key, ..certificate_mode(&base_url) };
    let none = Err(NotificationRefused::NoKeys);
    assert_eq!(recalled(&database, stranger, [&old, &new]).await, [none, none]);

    let merchant = "1900000000".to_owned();
    let other = WechatPaySettings { mch_id: merchant, ..certificate_mode(&base_url) };
    assert_eq!(recalled(&database, other, [&old, &new]).await, [none, none]);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_kept_is_not_trusted() {
    let platform = Platform::first();
    let (gateway, _server) = fetching([certificates(&[&platform], &platform)]);
    let database = Database::new().await;
    let drop = "DROP TABLE platform_certificate";
    database.db.conn().execute_unprepared(drop).await.unwrap();
    gateway.refresh(&database.db, NOW).await.unwrap_err();
    assert_eq!(told(&gateway, &platform), Err(NotificationRefused::NoKeys));
}

/// Runs the refresh until the certificate of `platform` is trusted.
async fn kept_until_believed(gateway: &WechatPay, pace: FetchPace, platform: &Platform) {
    let clock = ManualClock::new(NOW);
    let believed = async {
        let mut turn = tokio::time::interval(Duration::from_millis(2));
        while gateway.keys.ring().get(&platform.serial, NOW).is_none() {
            turn.tick().await;
        }
    };
    let database = Database::new().await;
    tokio::select! {
        () = gateway.keep_certificates(&database.db, &clock, pace) => {}
        believed = tokio::time::timeout(Duration::from_secs(30), believed) => believed.unwrap(),
    }
}

#[tokio::test]
async fn keys_are_fetched_though_the_provider_was_down_at_first() {
    let platform = Platform::first();
    let down = || Reply::new(503).body("<html></html>");
    let (gateway, server) = fetching([down(), down(), certificates(&[&platform], &platform)]);
    let pace = FetchPace { retry: Duration::from_millis(1), ..FetchPace::default() };
    assert_eq!(told(&gateway, &platform), Err(NotificationRefused::NoKeys));
    kept_until_believed(&gateway, pace, &platform).await;
    assert_eq!(told(&gateway, &platform), Ok(()));
    assert_eq!(server.requests().len(), 3);
}

/// The first fetch is at the start, the second is caused by the message.
#[tokio::test]
async fn an_unknown_serial_has_the_certificates_fetched_at_once() {
    let (old, new) = (Platform::first(), Platform::named("rotated"));
    let (gateway, server) =
        fetching([certificates(&[&old], &old), certificates(&[&old, &new], &old)]);
    assert_eq!(told(&gateway, &new), Err(NotificationRefused::NoKeys));
    let pace = FetchPace { wanted_every: Duration::ZERO, ..FetchPace::default() };
    kept_until_believed(&gateway, pace, &new).await;
    assert_eq!((told(&gateway, &old), told(&gateway, &new)), (Ok(()), Ok(())));
    assert_eq!(server.requests().len(), 2);
}

/// Whether messages with `serials` end a pause of hours that ignores them for `deaf`.
async fn woken(deaf: Duration, serials: &[&str]) -> bool {
    let gateway = gateway("http://127.0.0.1:1");
    for serial in serials {
        let mut headers = sign(b"{}", NOW);
        headers.0.insert("wechatpay-serial".to_owned(), (*serial).to_owned());
        let raw = RawNotification { headers: &headers, body: b"{}" };
        assert_eq!(gateway.verify(&raw, NOW), Err(NotificationRefused::UnknownSerial));
    }
    let rest = gateway.keys.rest(Duration::from_hours(4), deaf);
    tokio::time::timeout(Duration::from_millis(20), rest).await.is_ok()
}

/// A serial that is a public key's or is not a certificate's does not cause a fetch; and no number
/// of unknown serials causes two fetches within five minutes.
#[tokio::test]
async fn only_what_may_be_a_certificate_is_asked_for_and_not_again_and_again() {
    let (at_once, five_minutes) = (Duration::ZERO, Duration::from_mins(5));
    let (longest, too_long) = ("a".repeat(40), "a".repeat(41));
    for (serial, expected) in [
        ("PUB_KEY_ID_0", false),
        ("", false),
        ("5A0B02\u{e4}", false),
        (too_long.as_str(), false),
        (longest.as_str(), true),
        ("5A0B02", true),
    ] {
        assert_eq!(woken(at_once, &[serial]).await, expected, "{serial}");
    }
    assert!(!woken(at_once, &[]).await);
    assert!(!woken(five_minutes, &["5A0B02"; 100]).await);
}
