//! Extracts the signed parts from an actix request.

use super::{Authorities, SignatureError, SignedRequest};
use actix_web::{
    dev::RequestHead,
    http::header::{HOST, HeaderMap, HeaderName},
};

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
const SIGNATURE: HeaderName = HeaderName::from_static("signature");

/// The head of a request, after its fields were read and its authority checked.
#[derive(Debug)]
pub struct Received<'a> {
    head: &'a RequestHead,
    authority: &'a str,
}

impl<'a> Received<'a> {
    /// Checks the authority. If the request target is absolute, it must name the same server as
    /// `Host`.
    pub fn new(head: &'a RequestHead, ours: &'a Authorities) -> Result<Self, SignatureError> {
        let hosts = lines(&head.headers, HOST).ok_or(SignatureError::Authority)?;
        let [host] = hosts.as_slice() else { return Err(SignatureError::Authority) };
        let authority = ours.accept(host).ok_or(SignatureError::Authority)?;
        let target = head.uri.authority().map(|target| ours.accept(target.as_str()));
        if target.is_some_and(|target| target != Some(authority)) {
            return Err(SignatureError::Authority);
        }
        Ok(Self { head, authority })
    }

    /// The parts that signatures cover.
    pub fn signed(&self) -> Result<SignedRequest<'a>, SignatureError> {
        let field = |name: HeaderName, text| {
            lines(&self.head.headers, name).ok_or(SignatureError::Malformed(text))
        };
        Ok(SignedRequest {
            method: self.head.method.as_str(),
            authority: self.authority,
            path: self.head.uri.path(),
            query: self.head.uri.query(),
            content_digest: field(CONTENT_DIGEST, "content-digest")?,
            signature_input: field(SIGNATURE_INPUT, "signature-input")?,
            signature: field(SIGNATURE, "signature")?,
        })
    }
}

/// The lines of a field; `None` if one is not ASCII.
fn lines(headers: &HeaderMap, name: HeaderName) -> Option<Vec<&str>> {
    headers.get_all(name).map(|line| line.to_str().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_request_must_name_one_of_our_servers() {
        let ours = Authorities::new(&["card.example.edu.cn".into(), "other.example".into()], true);
        let cases: [(&str, &[&str], bool); 8] = [
            ("/p", &["card.example.edu.cn"], true),
            ("/p", &["CARD.example.edu.cn:443"], true),
            ("https://card.example.edu.cn/p", &["card.example.edu.cn"], true),
            ("https://other.example/p", &["card.example.edu.cn"], false),
            ("https://evil.example/p", &["card.example.edu.cn"], false),
            ("/p", &["evil.example"], false),
            ("/p", &["card.example.edu.cn", "card.example.edu.cn"], false),
            ("/p", &[], false),
        ];
        for (target, hosts, accepted) in cases {
            let mut request = TestRequest::get().uri(target);
            for host in hosts {
                request = request.append_header((HOST, *host));
            }
            let request = request.to_http_request();
            let received = Received::new(request.head(), &ours);
            assert_eq!(received.is_ok(), accepted, "{target} {hosts:?}");
        }
    }
}
