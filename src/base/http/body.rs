//! Request bodies: limited in size, parsed and validated before a handler runs.

use super::{
    ApiError, bounded,
    problem::{INVALID, MALFORMED, REQUEST_TIMEOUT, TOO_LARGE, UNAVAILABLE, UNSUPPORTED_MEDIA},
    validation,
};
use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::header::{self, HeaderMap},
    web,
};
use flate2::read::GzDecoder;
use futures_util::{Stream, StreamExt, future::LocalBoxFuture};
use garde::Validate;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use std::{io::Read, pin::pin};

/// The largest body, in bytes: as received, and after content decoding.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// JSON's escape of NUL, which the databases' text types cannot store.
const ESCAPED_NUL: &[u8] = b"\\u0000";

/// A JSON body that was parsed into `T` and validated.
///
/// Responds with 415 if the body is not `application/json` or is compressed, 413 over
/// [`MAX_BODY_BYTES`], 400 if it is not JSON, and 422 with a pointer to each bad field if it is JSON
/// but not a valid `T`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidJson<T>(pub T);

impl<T> ValidJson<T> {
    /// The parsed body.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> FromRequest for ValidJson<T>
where
    T: DeserializeOwned + Validate<Context: Default> + 'static,
{
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check_head(request);
        let payload = payload.take();
        Box::pin(async move {
            checked?;
            let value = parse(&read(payload).await?)?;
            validation::check(&value)?;
            Ok(Self(value))
        })
    }
}

fn check_head(request: &HttpRequest) -> Result<(), ApiError> {
    if request.content_type() != "application/json" {
        return Err(ApiError::new(UNSUPPORTED_MEDIA).detail("请求内容须为 application/json"));
    }
    if coding(request.headers())? == Coding::Gzip {
        return Err(ApiError::new(UNSUPPORTED_MEDIA).detail("请求内容不能压缩"));
    }
    check_length(request.headers())
}

/// Refuses a body that is announced as too long, before any of it is received.
pub(crate) fn check_length(headers: &HeaderMap) -> Result<(), ApiError> {
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > MAX_BODY_BYTES) {
        return Err(ApiError::new(TOO_LARGE));
    }
    Ok(())
}

/// How a body is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Plain,
    Gzip,
}

/// Refuses codings other than gzip, and more than one.
fn coding(headers: &HeaderMap) -> Result<Coding, ApiError> {
    let mut codings = headers.get_all(header::CONTENT_ENCODING);
    let (first, second) = (codings.next().map(header::HeaderValue::as_bytes), codings.next());
    match (first, second) {
        (None, None) => Ok(Coding::Plain),
        (Some(name), None) if name.eq_ignore_ascii_case(b"identity") => Ok(Coding::Plain),
        (Some(name), None) if name.eq_ignore_ascii_case(b"gzip") => Ok(Coding::Gzip),
        (_, _) => Err(ApiError::new(UNSUPPORTED_MEDIA).detail("请求内容的压缩方式不支持")),
    }
}

/// The body as its sender signed it, after content decoding. Fails with 413 if it is longer than
/// [`MAX_BODY_BYTES`], as received or decoded.
pub async fn raw_body(headers: &HeaderMap, payload: Payload) -> Result<web::Bytes, ApiError> {
    let coding = coding(headers)?;
    check_length(headers)?;
    let body = read(payload).await?;
    match coding {
        Coding::Plain => Ok(body),
        Coding::Gzip => inflated(&body),
    }
}

/// Stops at the limit, whatever the rest would become.
fn inflated(body: &[u8]) -> Result<web::Bytes, ApiError> {
    let most = u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut plain = Vec::new();
    let done = GzDecoder::new(body).take(most).read_to_end(&mut plain);
    done.map_err(|_| ApiError::new(MALFORMED).detail("请求内容解压失败"))?;
    if plain.len() > MAX_BODY_BYTES {
        return Err(ApiError::new(TOO_LARGE));
    }
    Ok(plain.into())
}

/// Why a body ended before its end.
pub(super) fn incomplete(error: &PayloadError) -> ApiError {
    let kind = if let PayloadError::Io(cause) = error { Some(cause.kind()) } else { None };
    if kind == Some(bounded::LATE) {
        ApiError::new(REQUEST_TIMEOUT)
    } else if kind == Some(bounded::STOPPING) {
        ApiError::new(UNAVAILABLE)
    } else {
        ApiError::new(MALFORMED).detail("请求内容不完整")
    }
}

/// Reads the whole body; fails if it is too long or incomplete. A body of one chunk is not copied.
pub(crate) async fn read(
    payload: impl Stream<Item = Result<web::Bytes, PayloadError>>,
) -> Result<web::Bytes, ApiError> {
    let mut payload = pin!(payload);
    let mut whole = web::Bytes::new();
    let mut body = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| incomplete(&error))?;
        let before = whole.len().saturating_add(body.len());
        if before.saturating_add(chunk.len()) > MAX_BODY_BYTES {
            return Err(ApiError::new(TOO_LARGE));
        }
        if before == 0 {
            whole = chunk;
            continue;
        }
        body.extend_from_slice(&std::mem::take(&mut whole));
        body.extend_from_slice(&chunk);
    }
    Ok(if body.is_empty() { whole } else { body.freeze() })
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // serde would also accept a list of the fields for a struct.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(match serde_json::from_slice::<IgnoredAny>(body) {
            Ok(_) => ApiError::new(INVALID).field("", "须为 JSON 对象"),
            Err(_) => not_json(),
        });
    }
    let value = serde_json::from_slice(body).or_else(|_| parse_with_path(body))?;
    if body.contains(&b'\\') && body.windows(ESCAPED_NUL.len()).any(|window| window == ESCAPED_NUL)
    {
        return Err(ApiError::new(INVALID).field("", "含有不允许的字符"));
    }
    Ok(value)
}

/// Parses a refused body a second time, this time recording the path of the error.
fn parse_with_path<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value =
        serde_path_to_error::deserialize(&mut json).map_err(|error| refused(&error, body))?;
    json.end().map_err(|_| ApiError::new(MALFORMED).detail("JSON 之后还有多余内容"))?;
    Ok(value)
}

fn not_json() -> ApiError {
    ApiError::new(MALFORMED).detail("不是有效的 JSON")
}

/// Maps a parse error to a problem document. The parser's message is left out: it is meant for
/// programmers and may repeat the input.
fn refused(error: &serde_path_to_error::Error<serde_json::Error>, body: &[u8]) -> ApiError {
    match error.inner().classify() {
        // serde_json reports a number in place of a variant's name as a syntax error.
        Category::Syntax | Category::Eof | Category::Io if !is_json(body) => not_json(),
        Category::Syntax | Category::Eof | Category::Io | Category::Data => {
            let mut pointer = pointer(error.path());
            let message = error.inner().to_string();
            // serde names a missing field only in its message.
            let missing = message.strip_prefix("missing field `").and_then(|m| m.split_once('`'));
            let detail = if let Some((field, _)) = missing {
                pointer = format!("{pointer}/{}", escaped(field));
                "缺少必填项"
            } else {
                "类型或取值有误"
            };
            ApiError::new(INVALID).field(pointer, detail)
        }
    }
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(body).is_ok()
}

/// A path as a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let steps = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(escaped(key)),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    steps.fold(String::new(), |pointer, step| pointer + "/" + &step)
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use garde::Validate;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, Validate)]
    struct Order {
        #[garde(range(min = 1, max = 50_000))]
        amount_fen: i64,
        #[garde(skip)]
        purpose: Purpose,
        #[garde(dive)]
        consent: Option<Consent>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Purpose {
        CardTopUp,
    }

    #[derive(Debug, Deserialize, Validate)]
    struct Consent {
        #[garde(length(min = 1, max = 2), inner(length(chars, min = 1, max = 8)))]
        items: Vec<String>,
    }

    fn outcome(body: &[u8]) -> (&'static str, Vec<String>) {
        let checked = parse::<Order>(body).and_then(|order| {
            validation::check(&order)?;
            let Purpose::CardTopUp = order.purpose;
            Ok(())
        });
        match checked {
            Ok(()) => ("ok", vec![]),
            Err(error) => {
                let problem = error.problem();
                let pointers = problem.errors.iter().map(|e| e.pointer.to_string()).collect();
                (problem.code, pointers)
            }
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn bodies_are_refused_with_the_field_named() {
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        let open = "{\"consent\":".repeat(5_000);
        let cases: [(&str, &str, &[&str]); 20] = [
            (r#"{"amount_fen":1,"purpose":"card_top_up"}"#, "ok", &[]),
            ("", "request_malformed", &[]),
            ("{", "request_malformed", &[]),
            (r#"{"amount_fen":1,"purpose":"card_top_up"}x"#, "request_malformed", &[]),
            (&deep, "request_invalid", &[""]),
            (&open, "request_malformed", &[]),
            (r#"[1,"card_top_up",null]"#, "request_invalid", &[""]),
            ("null", "request_invalid", &[""]),
            (r#"{"amount_fen":1}"#, "request_invalid", &["/purpose"]),
            (r#"{"amount_fen":"1","purpose":"card_top_up"}"#, "request_invalid", &["/amount_fen"]),
            (r#"{"amount_fen":1.5,"purpose":"card_top_up"}"#, "request_invalid", &["/amount_fen"]),
            (
                r#"{"amount_fen":9223372036854775808,"purpose":"card_top_up"}"#,
                "request_invalid",
                &["/amount_fen"],
            ),
            (r#"{"amount_fen":0,"purpose":"card_top_up"}"#, "request_invalid", &["/amount_fen"]),
            (r#"{"amount_fen":1,"purpose":"gold"}"#, "request_invalid", &["/purpose"]),
            (r#"{"amount_fen":1,"purpose":7}"#, "request_invalid", &["/purpose"]),
            (r#"{"amount_fen":1,"purpose":[]}"#, "request_invalid", &["/purpose"]),
            (
                r#"{"amount_fen":1,"purpose":"card_top_up","consent":{}}"#,
                "request_invalid",
                &["/consent/items"],
            ),
            (
                r#"{"amount_fen":1,"purpose":"card_top_up","consent":{"items":["a",2]}}"#,
                "request_invalid",
                &["/consent/items/1"],
            ),
            (
                r#"{"amount_fen":-1,"purpose":"card_top_up","consent":{"items":["a",""]}}"#,
                "request_invalid",
                &["/amount_fen", "/consent/items/1"],
            ),
            (
                r#"{"amount_fen":1,"purpose":"card_top_up","consent":{"items":["\u0000"]}}"#,
                "request_invalid",
                &[""],
            ),
        ];
        for (body, code, pointers) in cases {
            let (got, fields) = outcome(body.as_bytes());
            let shown: String = body.chars().take(80).collect();
            assert_eq!(
                (got, fields),
                (code, pointers.iter().map(|p| (*p).to_owned()).collect()),
                "{shown}"
            );
        }
        assert_eq!(outcome(b"{\"purpose\":\"\xff\"}").0, "request_malformed");
    }
}
