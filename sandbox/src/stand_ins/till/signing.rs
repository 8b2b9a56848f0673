//! Signing a request as `docs/terminal.md` says: RFC 9421 with Ed25519 over a digest of the body.
//!
//! Written from that document and not from the server's code, as a vendor would.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::sha2::{Digest, Sha256};

use super::TillKey;

/// The signed parts of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestParts<'a> {
    pub(super) method: &'a str,
    /// Host and port, as the request names them.
    pub(super) authority: &'a str,
    /// The path, and behind a `?` the query.
    pub(super) target: &'a str,
    pub(super) body: &'a [u8],
}

/// When it is signed, and a nonce.
#[derive(Debug, Clone, Copy)]
pub(super) struct SignatureMoment<'a> {
    /// Seconds since 1970 UTC.
    pub(super) created: i64,
    pub(super) nonce: &'a str,
}

/// The header fields of a signed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignatureFields {
    pub(super) content_digest: String,
    pub(super) signature_input: String,
    pub(super) signature: String,
}

pub(super) fn sign(
    key: &TillKey,
    request: RequestParts<'_>,
    moment: SignatureMoment<'_>,
) -> SignatureFields {
    let digest = STANDARD.encode(Sha256::digest(request.body));
    let content_digest = format!("sha-256=:{digest}:");
    let (lines, names) = covered(request, &content_digest);
    let SignatureMoment { created, nonce } = moment;
    let key_id = key.key_id();
    let parameters =
        format!("({names});created={created};nonce=\"{nonce}\";keyid=\"{key_id}\";alg=\"ed25519\"");
    let base = format!("{lines}\"@signature-params\": {parameters}");
    let signature = STANDARD.encode(key.sign(base.as_bytes()));
    SignatureFields {
        content_digest,
        signature_input: format!("sig1={parameters}"),
        signature: format!("sig1=:{signature}:"),
    }
}

/// The lines of the signature base, and the list of what they cover.
fn covered(request: RequestParts<'_>, content_digest: &str) -> (String, String) {
    let RequestParts { method, authority, target, .. } = request;
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(format!("?{query}"))),
        None => (target, None),
    };
    let fields = [
        ("@method", Some(method)),
        ("@authority", Some(authority)),
        ("@path", Some(path)),
        ("@query", query.as_deref()),
        ("content-digest", Some(content_digest)),
    ];
    let (mut lines, mut names) = (String::new(), String::new());
    for (name, value) in fields {
        let Some(value) = value else { continue };
        let blank = if names.is_empty() { "" } else { " " };
        // Writing to a `String` cannot fail.
        let _ = writeln!(lines, "\"{name}\": {value}");
        let _ = write!(names, "{blank}\"{name}\"");
    }
    (lines, names)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn requests_are_signed_as_the_vectors_say() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../../../docs/terminal-vectors.json")).unwrap();
        let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
        let key = TillKey::from_pem("xnec", "T1", &text(&vectors, "private_key")).unwrap();
        assert_eq!(key.key_id(), text(&vectors, "key_id"));
        assert_eq!(key.public_pem().unwrap(), text(&vectors, "public_key"));
        let requests = vectors["requests"].as_array().unwrap();
        assert!(requests.len() >= 3);
        for request in requests {
            let input = text(&request["headers"], "Signature-Input");
            let parameter = |name: &str| {
                let value = input.split(&format!(";{name}=")).nth(1).unwrap();
                value.split(';').next().unwrap().trim_matches('"').to_owned()
            };
            let (line, body) = (text(request, "request_line"), text(request, "body"));
            let (method, target) = line.split_once(' ').unwrap();
            let host = text(request, "host");
            let parts = RequestParts { method, authority: &host, target, body: body.as_bytes() };
            let nonce = parameter("nonce");
            let created = parameter("created").parse().unwrap();
            let made = sign(&key, parts, SignatureMoment { created, nonce: &nonce });
            let headers = &request["headers"];
            assert_eq!(made.signature_input, input);
            assert_eq!(made.content_digest, text(headers, "Content-Digest"), "{line}");
            assert_eq!(made.signature, text(headers, "Signature"), "{line}");
        }
    }
}
