//! Platform certificates: how they are handed out, what they sign, and how they change.

use sandbox::callbacks::Repeat;
use sandbox::wechat_pay::{CertificateRefusal, CertificateState};
use serde_json::{Value, json};

use crate::support::{Answer, Receiver, World};

const PATH: &str = "/v3/certificates";
const NUMBER: &str = "CERTIFICATE001";

struct Rotation {
    world: World,
    mch_id: String,
}

impl Rotation {
    async fn start() -> Self {
        let world = World::start().await;
        let mch_id = world.merchant.credentials.wechat_pay.mch_id.clone();
        Self { world, mch_id }
    }

    /// One more certificate; its serial number.
    fn add(&self) -> String {
        self.world.sandbox().wechat_pay.add_certificate(&self.mch_id).unwrap().serial_no
    }

    fn states(&self) -> Vec<CertificateState> {
        let merchant = self.world.sandbox().wechat_pay.merchant(&self.mch_id).unwrap();
        merchant.certificates.into_iter().map(|certificate| certificate.state).collect()
    }

    /// The certificates as they are handed out, asking for an answer signed with that key.
    async fn list(&self, serial: &str) -> Answer {
        let claim = self.world.merchant.claim(self.world.now());
        let mut parcel = self.world.merchant.parcel(&claim, "GET", PATH, b"");
        if !serial.is_empty() {
            parcel.headers.push(("Wechatpay-Serial", serial.to_owned()));
        }
        self.world.merchant.send(parcel).await
    }

    async fn serials(&self) -> Vec<String> {
        let list = self.list("").await.json();
        let entries = list["data"].as_array().unwrap().iter();
        entries.map(|entry| entry["serial_no"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn they_are_handed_out_sealed_and_sign_the_answer() {
    let mut rotation = Rotation::start().await;
    assert_eq!(rotation.list("").await.status, 404, "a merchant in public key mode has none");
    let first = rotation.add();
    let answer = rotation.list("").await;
    assert_eq!((answer.status, &answer.headers["wechatpay-serial"]), (200, &first));
    assert!(!rotation.world.merchant.believes(&answer.headers, &answer.text));
    assert!(rotation.world.merchant.learn(&answer), "the answer brings its own key");
    let entry = &answer.json()["data"][0];
    assert_eq!(entry["effective_time"], "2026-01-01T10:00:00+08:00");
    assert_eq!(entry["expire_time"], "2030-12-31T10:00:00+08:00");
}

/// What `Wechatpay-Serial` names, and what answers then name; the serials are those of two
/// certificates of which the second signs.
#[tokio::test]
async fn the_merchant_chooses_the_mode_of_the_answer() {
    let rotation = Rotation::start().await;
    let public = rotation.world.merchant.credentials.wechat_pay.public_key_id.clone();
    let (first, second) = (rotation.add(), rotation.add());
    let pay = &rotation.world.sandbox().wechat_pay;
    pay.sign_with_certificate(&rotation.mch_id, &second).unwrap();
    let lower = first.to_lowercase();
    let table = [
        ("", Some(&second)),
        (public.as_str(), Some(&public)),
        (&first, Some(&second)),
        (&lower, Some(&second)),
        (&second, Some(&second)),
        ("PUB_KEY_ID_0", None),
        ("0000000000000000000000000000000000000000", None),
    ];
    for (asked, answered) in table {
        let answer = rotation.list(asked).await;
        assert_eq!(answer.headers.get("wechatpay-serial"), answered, "{asked}");
        assert_eq!(answer.status, if answered.is_some() { 200 } else { 400 }, "{asked}");
    }
}

#[tokio::test]
async fn rotation_overlaps() {
    use CertificateState::{Expired, Listed, Signing};
    let rotation = Rotation::start().await;
    let pay = &rotation.world.sandbox().wechat_pay;
    let first = rotation.add();
    let second = rotation.add();
    assert_eq!(rotation.states(), [Signing, Listed]);
    assert_eq!(rotation.serials().await, [first.clone(), second.clone()]);
    pay.sign_with_certificate(&rotation.mch_id, &second).unwrap();
    assert_eq!(rotation.states(), [Listed, Signing]);
    pay.expire_certificate(&rotation.mch_id, &first).unwrap();
    assert_eq!(rotation.states(), [Expired, Signing]);
    assert_eq!(rotation.serials().await, std::slice::from_ref(&second));
    let gone = pay.sign_with_certificate(&rotation.mch_id, &first).unwrap_err();
    assert_eq!(gone.to_string(), CertificateRefusal::NoSuchCertificate.to_string());
    pay.expire_certificate(&rotation.mch_id, &second).unwrap();
    assert_eq!(rotation.list("").await.status, 404, "only the public key is left");
}

/// Callbacks by the share of the public key, as WeChat Pay moves a merchant.
#[tokio::test]
async fn callbacks_are_shared_between_the_keys() {
    let receiver = Receiver::start(&[]);
    let mut rotation = Rotation::start().await;
    rotation.world.prepay(&rotation.world.order(NUMBER, &receiver.notify_url)).await;
    let mch_id = rotation.mch_id.clone();
    let set = |world: &World, percent| {
        world.sandbox().wechat_pay.set_public_key_percent(&mch_id, percent)
    };
    assert!(set(&rotation.world, 50).is_err(), "no certificate yet");
    let serial = rotation.add();
    let certificates = rotation.list("").await;
    assert!(rotation.world.merchant.learn(&certificates));
    assert!(set(&rotation.world, 101).is_err());
    let pay = rotation.world.sandbox().wechat_pay.clone();
    pay.drop_callbacks(NUMBER).unwrap();
    pay.pay(NUMBER).unwrap();
    for (percent, by_public_key) in [(100, 8), (50, 4), (25, 2), (0, 0)] {
        set(&rotation.world, percent).unwrap();
        let before = receiver.received().len();
        let eight = Repeat { times: 8, ..Repeat::default() };
        assert_eq!(pay.repeat(NUMBER, eight).await.unwrap().accepted, 8);
        let letters = receiver.received().split_off(before);
        let by_certificate =
            letters.iter().filter(|letter| letter.headers["wechatpay-serial"] == serial).count();
        assert_eq!(by_certificate, 8 - by_public_key, "{percent}");
        let merchant = &rotation.world.merchant;
        assert!(letters.iter().all(|letter| merchant.believes(&letter.headers, &letter.body)));
    }
}

#[tokio::test]
async fn the_algorithm_can_be_asked_for() {
    let rotation = Rotation::start().await;
    rotation.add();
    let table = [
        ("?algorithm_type=RSA", 200, Value::Null),
        ("?algorithm_type=ALL", 200, Value::Null),
        ("?algorithm_type=SM2", 404, json!("RESOURCE_NOT_EXISTS")),
        ("?algorithm_type=DSA", 400, json!("PARAM_ERROR")),
    ];
    for (query, status, code) in table {
        let url = format!("{PATH}{query}");
        let answer = rotation.world.merchant.get(&url, rotation.world.now()).await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &code), "{query}");
    }
}

#[tokio::test]
async fn the_twin_and_the_page_rotate_too() {
    let rotation = Rotation::start().await;
    let world = &rotation.world;
    let api = format!("/sandbox/api/merchants/{}", rotation.mch_id);
    let form = format!("/sandbox/merchants/{}", rotation.mch_id);
    let added = world.post_json(&format!("{api}/certificates"), &json!({})).await;
    assert_eq!(added.status(), 201);
    assert_eq!(world.post_form(&format!("{form}/certificates"), &[]).await.status(), 303);
    let merchant: Value = world.get(&api).await.json().await.unwrap();
    let serial = |place: usize| merchant["certificates"][place]["serial_no"].as_str().unwrap();
    let (first, second) = (serial(0), serial(1));
    let percent = json!({ "public_key_percent": 10 });
    let table = [
        (world.post_json(&api, &percent).await, 200),
        (world.post_json(&api, &json!({ "public_key_percent": 101 })).await, 400),
        (world.post_json(&format!("{api}/certificates/{second}/sign"), &json!({})).await, 200),
        (world.post_form(&format!("{form}/certificates/{first}/expire"), &[]).await, 303),
        (world.post_form(&format!("{form}/certificates/{first}/expire"), &[]).await, 404),
        (world.post_form(&form, &[("public_key_percent", "0")]).await, 303),
        (world.post_json("/sandbox/api/merchants/1/certificates", &json!({})).await, 404),
        (world.get("/sandbox/api/merchants/1").await, 404),
    ];
    for (row, (response, status)) in table.into_iter().enumerate() {
        assert_eq!(response.status(), status, "row {row}");
    }
    assert_eq!(rotation.states(), [CertificateState::Expired, CertificateState::Signing]);
    let list: Value = world.get("/sandbox/api/merchants").await.json().await.unwrap();
    assert_eq!(list["items"][0]["public_key_percent"], 0);
}
