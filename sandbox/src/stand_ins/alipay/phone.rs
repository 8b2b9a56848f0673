//! What `my.getPhoneNumber` gives a mini-program: the user's number, encrypted and signed.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;

use super::sign_in::{UserWanted, no_user};
use super::{Alipay, AlipayUser};

/// The object that the mini-program passes to its server as a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhoneNumber {
    /// Encrypted; without an AES key of the app an error in plain JSON.
    pub response: String,
    pub sign: String,
    pub sign_type: &'static str,
    pub encrypt_type: &'static str,
    pub charset: &'static str,
}

impl Alipay {
    /// `None` if there is no such app. The number is 1380000 and four digits of the user's number.
    pub fn phone_number(&self, user: &AlipayUser) -> Option<PhoneNumber> {
        let app = self.app(&user.app_id)?;
        let (response, signed) = if let Some(key) = &app.keys.content {
            let mobile = format!("1380000{:04}", user.index % 10_000);
            let told = json!({ "code": "10000", "msg": "Success", "mobile": mobile });
            let sealed = key.encrypt(told.to_string().as_bytes());
            let quoted = format!("\"{sealed}\"");
            (sealed, quoted)
        } else {
            let told = json!({
                "code": "40001",
                "msg": "Missing Required Arguments",
                "subCode": "isv.missing-encrypt-key",
                "subMsg": "缺少加密配置",
            });
            (told.to_string(), told.to_string())
        };
        let sign = app.keys.alipay.sign(signed.as_bytes());
        let (sign_type, encrypt_type, charset) = ("RSA2", "AES", "UTF-8");
        Some(PhoneNumber { response, sign, sign_type, encrypt_type, charset })
    }
}

pub(super) async fn make(wanted: web::Json<UserWanted>, alipay: web::Data<Alipay>) -> HttpResponse {
    let user = alipay.find(&wanted);
    match user.as_ref().and_then(|user| alipay.phone_number(user)) {
        Some(number) => HttpResponse::Created().json(number),
        None => no_user(),
    }
}
