//! Apps in certificate mode and with content encryption, and the user's phone number.

use aws_lc_rs::cipher::{AES_128, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{AlipayWorld, Shop};

const CREATE: &str = "alipay.trade.create";
const QUERY: &str = "alipay.trade.query";

/// AES-128-CBC with a vector of zeros, on another implementation than the sandbox's.
fn decrypt(shop: &Shop, text: &str) -> Vec<u8> {
    let key = STANDARD.decode(&shop.credentials.encrypt_key).unwrap();
    let key = UnboundCipherKey::new(&AES_128, &key).unwrap();
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).unwrap();
    let mut sealed = STANDARD.decode(text).unwrap();
    let context = DecryptionContext::Iv128(FixedLength::from([0; 16]));
    key.decrypt(&mut sealed, context).unwrap().to_vec()
}

fn encrypt(shop: &Shop, text: &str) -> String {
    use aws_lc_rs::cipher::{EncryptionContext, PaddedBlockEncryptingKey};
    let key = STANDARD.decode(&shop.credentials.encrypt_key).unwrap();
    let key = UnboundCipherKey::new(&AES_128, &key).unwrap();
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).unwrap();
    let mut bytes = text.as_bytes().to_vec();
    let context = EncryptionContext::Iv128(FixedLength::from([0; 16]));
    key.less_safe_encrypt(&mut bytes, context).unwrap();
    STANDARD.encode(bytes)
}

#[tokio::test]
async fn in_certificate_mode_both_sides_name_their_certificates() {
    let world = AlipayWorld::start().await;
    let shop = world.shop_at("yncjxy");
    let told = shop.call(&world, CREATE, &world.order(&shop, "CERT1")).await;
    assert_eq!(told.node(&shop, CREATE)["code"], "10000");
    assert_eq!(told.json()["alipay_cert_sn"].as_str().unwrap().len(), 32);
    for (name, sub_code) in [
        ("app_cert_sn", "isv.invalid-app-cert-sn"),
        ("alipay_root_cert_sn", "isv.invalid-alipay-root-cert-sn"),
    ] {
        for value in ["", "00000000000000000000000000000000"] {
            let mut parameters =
                shop.parameters(&world, QUERY, &json!({ "out_trade_no": "CERT1" }));
            parameters.insert(name.to_owned(), value.to_owned());
            let (_, refused) = shop.send(shop.signed(parameters)).await.error();
            assert_eq!(refused, sub_code, "{name}={value}");
        }
    }
}

#[tokio::test]
async fn contents_are_encrypted_both_ways() {
    let world = AlipayWorld::start().await;
    let shop = world.shop_at("hbgyzy");
    let order = world.order(&shop, "SEALED1").to_string();
    let mut parameters = shop.parameters(&world, CREATE, &Value::Null);
    parameters.insert("encrypt_type".to_owned(), "AES".to_owned());
    parameters.insert("biz_content".to_owned(), encrypt(&shop, &order));
    let told = shop.send(shop.signed(parameters.clone())).await;
    let signed = told.signed_part("alipay_trade_create_response");
    let whole = told.json();
    assert!(shop.believes(&signed, whole["sign"].as_str().unwrap()), "over the quotes too");
    let sealed = whole["alipay_trade_create_response"].as_str().unwrap();
    let node: Value = serde_json::from_slice(&decrypt(&shop, sealed)).unwrap();
    assert_eq!((&node["code"], &node["out_trade_no"]), (&json!("10000"), &json!("SEALED1")));

    let plain = shop.call(&world, QUERY, &json!({ "out_trade_no": "SEALED1" })).await;
    assert_eq!(plain.node(&shop, QUERY)["code"], "10000", "encryption is a matter of the request");
    parameters.remove("encrypt_type");
    let (_, refused) = shop.send(shop.signed(parameters.clone())).await.error();
    assert_eq!(refused, "isv.decryption-error-missing-encrypt-type");
    parameters.insert("encrypt_type".to_owned(), "AES".to_owned());
    parameters.insert("biz_content".to_owned(), "AAAA".to_owned());
    let (_, refused) = shop.send(shop.signed(parameters)).await.error();
    assert_eq!(refused, "isv.decryption-error-unknown");
}

#[tokio::test]
async fn the_schools_apps_differ_in_what_they_know_of_users() {
    let world = AlipayWorld::start().await;
    let apps = world.alipay().apps();
    let seen: Vec<_> = apps
        .iter()
        .map(|app| {
            (
                app.school.as_deref().unwrap_or(""),
                app.certificates,
                app.encrypts,
                serde_json::to_value(app.settings.identities).unwrap(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("", false, false, json!("both")),
            ("hbgyzy", false, true, json!("both")),
            ("ynart", false, false, json!("open_id")),
            ("yncjxy", true, false, json!("user_id")),
        ]
    );
    let shown = world.get("/sandbox/api/alipay/apps").await.text().await.unwrap();
    assert!(shown.contains(&apps[3].app_id));
    let unknown = json!({ "identities": "both" });
    assert_eq!(world.post_json("/sandbox/api/alipay/apps/2021000000000000", &unknown).await.0, 404);
}

#[tokio::test]
async fn a_phone_number_is_encrypted_and_signed_over_its_quotes() {
    let world = AlipayWorld::start().await;
    let shop = world.shop_at("hbgyzy");
    let wanted = json!({ "user": 3, "app_id": shop.credentials.app_id });
    let (status, told) = world.post_json("/sandbox/alipay/phone-numbers", &wanted).await;
    assert_eq!((status, &told["sign_type"]), (201, &json!("RSA2")));
    let (response, sign) = (told["response"].as_str().unwrap(), told["sign"].as_str().unwrap());
    assert!(shop.believes(format!("\"{response}\"").as_bytes(), sign));
    let inside: Value = serde_json::from_slice(&decrypt(&shop, response)).unwrap();
    assert_eq!(inside, json!({ "code": "10000", "msg": "Success", "mobile": "13800000003" }));

    let general = world.shop();
    let (_, told) = world.post_json("/sandbox/alipay/phone-numbers", &json!({ "user": 3 })).await;
    let response = told["response"].as_str().unwrap();
    assert!(general.believes(response.as_bytes(), told["sign"].as_str().unwrap()));
    let error: Value = serde_json::from_str(response).unwrap();
    assert_eq!(error["subCode"], "isv.missing-encrypt-key");
    assert_eq!(
        world.post_json("/sandbox/alipay/phone-numbers", &json!({ "user": 100_000 })).await.0,
        404
    );
}
