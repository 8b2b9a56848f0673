//! The `Idempotency-Key` header, which identifies repeats of a POST.

use super::{
    ApiError,
    problem::{IDEMPOTENCY_KEY_MISSING, INVALID},
};
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use std::future::{Ready, ready};

const HEADER: &str = "idempotency-key";
const MAX_LENGTH: usize = 64;

/// The value of `Idempotency-Key`: 1 to 64 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key as sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn from_headers(request: &HttpRequest) -> Result<Self, ApiError> {
        let mut values = request.headers().get_all(HEADER);
        let first = values.next().ok_or(ApiError::new(IDEMPOTENCY_KEY_MISSING))?;
        match first.to_str() {
            Ok(key) if values.next().is_none() && is_key(key) => Ok(Self(key.to_owned())),
            Ok("") => Err(ApiError::new(IDEMPOTENCY_KEY_MISSING)),
            Ok(_) | Err(_) => Err(ApiError::new(INVALID)
                .field("#header/Idempotency-Key", "须为 1 至 64 个可见 ASCII 字符，且只出现一次")),
        }
    }
}

fn is_key(text: &str) -> bool {
    (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl FromRequest for IdempotencyKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::from_headers(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_key_is_one_header_of_1_to_64_visible_characters() {
        let longest = "k".repeat(64);
        let too_long = "k".repeat(65);
        let cases: [(&[&str], Result<&str, &str>); 8] = [
            (&["order-1"], Ok("order-1")),
            (&[&longest], Ok(&longest)),
            (&[], Err("idempotency_key_missing")),
            (&[""], Err("idempotency_key_missing")),
            (&[&too_long], Err("request_invalid")),
            (&["with space"], Err("request_invalid")),
            (&["键"], Err("request_invalid")),
            (&["one", "two"], Err("request_invalid")),
        ];
        for (sent, expected) in cases {
            let mut request = TestRequest::post();
            for value in sent {
                request = request.append_header((HEADER, *value));
            }
            let key = IdempotencyKey::from_headers(&request.to_http_request());
            let key = key.as_ref().map(IdempotencyKey::as_str).map_err(|e| e.kind().code);
            assert_eq!(key, expected, "{sent:?}");
        }
    }
}
