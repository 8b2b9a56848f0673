//! Files that clients send: received piece by piece, bounded in size and in time.

use super::{
    ApiError,
    body::incomplete,
    bounded::Patience,
    problem::{INVALID, MALFORMED, TOO_LARGE, UNSUPPORTED_MEDIA},
};
use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::{
    HttpMessage, HttpRequest,
    dev::Payload,
    http::header::{self, HeaderMap},
    web::Bytes,
};
use futures_util::StreamExt;
use std::{fmt, time::Duration};

/// How long a client may take to send a file: 32 MiB at 5 Mbit/s.
const TIME: Duration = Duration::from_mins(1);
/// The longest field beside the file.
const LONGEST_TEXT: usize = 1024;
/// What a form has around the file, at most.
const AROUND: u64 = 16 * 1024;

/// A form with a file, of which the fields are received in their order.
pub struct FileForm {
    fields: Multipart,
    most: u64,
}

/// A file while it is received.
pub struct UploadedFile {
    /// What the client calls it.
    pub name: String,
    body: Body,
    left: u64,
    most: u64,
}

enum Body {
    /// A field, with the form that it is of.
    Field(Box<(Field, Multipart)>),
    Whole(Payload),
}

impl FileForm {
    /// The form of a request, with a file of at most so many bytes. Nothing of it was received yet.
    pub fn of(request: &HttpRequest, payload: Payload, most: u64) -> Result<Self, ApiError> {
        if request.content_type() != "multipart/form-data" {
            return Err(ApiError::new(UNSUPPORTED_MEDIA).detail("须为带文件的表单"));
        }
        admit(request, most, AROUND)?;
        Ok(Self { fields: Multipart::new(request.headers(), payload), most })
    }

    /// The next field, which must be this one and short.
    pub async fn text(&mut self, name: &str) -> Result<String, ApiError> {
        let mut field = self.next(name).await?;
        let mut text = Vec::new();
        while let Some(chunk) = field.next().await {
            text.extend_from_slice(&chunk.map_err(|error| unreadable(&error))?);
            if text.len() > LONGEST_TEXT {
                return Err(ApiError::new(INVALID).field(format!("/{name}"), "太长"));
            }
        }
        String::from_utf8(text)
            .map_err(|_| ApiError::new(INVALID).field(format!("/{name}"), "有误"))
    }

    /// The next field, which must be this one: the file.
    pub async fn file(mut self, name: &str) -> Result<UploadedFile, ApiError> {
        let field = self.next(name).await?;
        let called = field.content_disposition().and_then(|about| about.get_filename());
        let name = called.unwrap_or_default().to_owned();
        let Self { fields, most } = self;
        Ok(UploadedFile { name, body: Body::Field(Box::new((field, fields))), left: most, most })
    }

    async fn next(&mut self, name: &str) -> Result<Field, ApiError> {
        let missing = || ApiError::new(INVALID).field(format!("/{name}"), "缺少必填项");
        let field = self.fields.next().await.ok_or_else(missing)?;
        let field = field.map_err(|error| unreadable(&error))?;
        if field.name() == Some(name) { Ok(field) } else { Err(missing()) }
    }
}

impl UploadedFile {
    /// The body of a request as a file of at most so many bytes.
    pub fn whole(
        request: &HttpRequest,
        payload: Payload,
        name: String,
        most: u64,
    ) -> Result<Self, ApiError> {
        admit(request, most, 0)?;
        Ok(Self { name, body: Body::Whole(payload), left: most, most })
    }

    /// The next piece; nothing at the end. Fails where there is more than the most.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let piece = match &mut self.body {
            Body::Field(field) => {
                field.0.next().await.transpose().map_err(|error| unreadable(&error))?
            }
            Body::Whole(payload) => {
                payload.next().await.transpose().map_err(|error| incomplete(&error))?
            }
        };
        if let Some(piece) = &piece {
            let bytes = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            self.left = self.left.checked_sub(bytes).ok_or_else(|| too_large(self.most))?;
        }
        Ok(piece)
    }
}

impl fmt::Debug for FileForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileForm").field("most", &self.most).finish_non_exhaustive()
    }
}

impl fmt::Debug for UploadedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadedFile").field("left", &self.left).finish_non_exhaustive()
    }
}

/// A file that is larger than it may be.
pub fn too_large(most: u64) -> ApiError {
    ApiError::new(TOO_LARGE).detail(format!("文件最大 {} MB", most / (1024 * 1024)))
}

/// Refuses a body that is coded, or announced as too long, before any of it is received; else gives it time.
fn admit(request: &HttpRequest, most: u64, around: u64) -> Result<(), ApiError> {
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        return Err(ApiError::new(UNSUPPORTED_MEDIA).detail("请求内容不能压缩"));
    }
    if announced(request.headers()).is_some_and(|length| length > most.saturating_add(around)) {
        return Err(too_large(most));
    }
    if let Some(patience) = request.extensions().get::<Patience>() {
        patience.set(TIME);
    }
    Ok(())
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A form that is none, or that ended before its end.
fn unreadable(error: &MultipartError) -> ApiError {
    if let MultipartError::Payload(error) = error {
        incomplete(error)
    } else {
        ApiError::new(MALFORMED).detail("表单不完整")
    }
}
