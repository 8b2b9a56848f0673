//! The phone number of a user: `POST /wxa/business/getuserphonenumber`, with the code that the button
//! `getPhoneNumber` gave. That code is not the login's.

use super::{Answered, DAILY_LIMIT, MINUTE_LIMIT, NoAnswer, WechatApi};
use crate::{
    base::clock::Timestamp,
    identity::login::{PhoneError, ToldPhone},
    sessions::phones::PlatformPhone,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;

const PATH: &str = "/wxa/business/getuserphonenumber";

/// Invalid, expired or used; of another app; used.
const CODE_REFUSED: [i64; 3] = [40_029, 40_013, 40_163];
/// A number that was told longer ago than a code lives is not of this code.
const FRESH: Duration = Duration::from_mins(10);
/// How far WeChat's clock may be ahead.
const AHEAD: Duration = Duration::from_mins(5);

#[derive(Serialize)]
struct Body<'a> {
    code: &'a str,
}

/// The part of the answer that is used. Not logged.
#[derive(Deserialize)]
struct Answer {
    phone_info: PhoneInfo,
}

#[derive(Deserialize)]
struct PhoneInfo {
    #[serde(rename = "purePhoneNumber")]
    number: String,
    #[serde(rename = "countryCode")]
    country: Country,
    watermark: Watermark,
}

/// Documented as a text; the sample shows a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Country {
    Text(String),
    Number(u32),
}

#[derive(Deserialize)]
struct Watermark {
    timestamp: i64,
    appid: String,
}

impl WechatApi {
    /// The number of the user who got this code.
    pub(in crate::providers) async fn phone_number(
        &self,
        code: &str,
    ) -> Result<ToldPhone, PhoneError> {
        let Answered { errcode, body } =
            self.call(PATH, &Body { code }).await.map_err(|NoAnswer| PhoneError::Unavailable)?;
        match errcode {
            0 => {
                let number = self.read_phone(&body, self.now())?;
                let digest =
                    Sha256::new().chain_update(b"onecard-phone-wechat|").chain_update(code);
                Ok(ToldPhone { number, proof: digest.finalize().into() })
            }
            MINUTE_LIMIT | DAILY_LIMIT => Err(PhoneError::Throttled),
            code if CODE_REFUSED.contains(&code) => Err(PhoneError::ProofRefused),
            _ => Err(PhoneError::Unavailable),
        }
    }

    /// Only what is of this app, and of now.
    fn read_phone(&self, body: &[u8], now: Timestamp) -> Result<PlatformPhone, PhoneError> {
        let unusable = |why: &'static str| {
            tracing::warn!(why, "WeChat API: a phone number is not used");
            PhoneError::Unavailable
        };
        let Answer { phone_info: PhoneInfo { number, country, watermark } } =
            serde_json::from_slice(body).map_err(|_| unusable("not understood"))?;
        if watermark.appid != self.app_id {
            return Err(unusable("of another app"));
        }
        let told = Timestamp::from_seconds(watermark.timestamp);
        if told.plus(FRESH) < now || told > now.plus(AHEAD) {
            return Err(unusable("of another time"));
        }
        if number.is_empty() {
            return Err(PhoneError::NoNumber);
        }
        let country = match country {
            Country::Text(text) => text,
            Country::Number(number) => number.to_string(),
        };
        PlatformPhone::new(&country, &number).ok_or_else(|| unusable("not a number"))
    }
}
