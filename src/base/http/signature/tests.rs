//! The test vector of the standard, and requests that differ from what was signed.

mod draft;

use super::{SignatureError as E, base, fields};
use crate::base::{clock::Timestamp, crypto::ed25519::Ed25519Key};
use draft::{BODY, Draft, NOW, Wire, sha256, sha512};

/// RFC 9421, B.2.6: its base and its signature.
#[test]
fn the_vector_of_the_standard() {
    let input = "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \
        \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"";
    let values = |name: &str| {
        Some(match name {
            "date" => "Tue, 20 Apr 2021 02:07:55 GMT".into(),
            "@method" => "POST".into(),
            "@path" => "/foo".into(),
            "@authority" => "example.com".into(),
            "content-type" => "application/json".into(),
            "content-length" => "18".into(),
            _ => return None,
        })
    };
    let (label, input) = fields::input_of(input).unwrap();
    let base = base::of(&input, values).unwrap();
    assert_eq!(
        base,
        "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@method\": POST\n\"@path\": /foo\n\
         \"@authority\": example.com\n\"content-type\": application/json\n\
         \"content-length\": 18\n\"@signature-params\": (\"date\" \"@method\" \"@path\" \
         \"@authority\" \"content-type\" \"content-length\");created=1618884473\
         ;keyid=\"test-key-ed25519\""
    );
    let signature = "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4\
        A0w6vuQv5lIp5WPpBKRCw==:";
    let signature = fields::signature_of(signature, &label).unwrap();
    let key = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n\
        -----END PUBLIC KEY-----\n";
    let key = Ed25519Key::from_spki_pem(key.as_bytes()).unwrap();
    assert_eq!(key.verify(base.as_bytes(), &signature), Ok(()));
    assert!(key.verify(base.replace("POST", "GET").as_bytes(), &signature).is_err());
}

#[test]
fn valid_signatures_are_accepted_in_every_form() {
    type Change = fn(&mut Draft);
    let good: [(&str, Change); 14] = [
        ("as it is", |_| ()),
        ("another label", |draft| draft.label = "till-7.a"),
        ("alg", |draft| draft.parameters.push_str(";alg=\"ed25519\"")),
        ("alg first", |draft| draft.parameters.insert_str(0, ";alg=\"ed25519\"")),
        ("other parameters", |draft| {
            draft.parameters.push_str(";tag=\"v\\\"1\\\\\";flag;off=?0;ratio=1.5;at=@1;key=:AAE=:");
        }),
        ("expires now", |draft| draft.parameters += ";expires=1795000000"),
        ("longest nonce", |draft| {
            draft.parameters = draft.parameters.replace("n-1", &"x".repeat(64));
        }),
        ("escapes in a nonce", |draft| {
            draft.parameters = draft.parameters.replace("n-1", "a\\\"b\\\\c");
        }),
        ("oldest", |draft| {
            draft.parameters = draft.parameters.replace(&NOW.to_string(), &(NOW - 60).to_string());
        }),
        ("newest", |draft| {
            draft.parameters = draft.parameters.replace(&NOW.to_string(), &(NOW + 60).to_string());
        }),
        ("another order", |draft| {
            draft.cover(&["content-digest", "@path", "@method", "@authority"]);
        }),
        ("sha-512 beside", |draft| {
            draft.wire.digest = vec![format!("{}, {}", sha512(BODY), sha256(BODY))];
            draft.cover(&["@method", "@authority", "@path", "content-digest"]);
        }),
        ("two lines of digests", |draft| {
            draft.wire.digest = vec![sha256(BODY), sha512(BODY)];
            draft.cover(&["@method", "@authority", "@path", "content-digest"]);
        }),
        ("an empty query", |draft| {
            draft.wire.query = Some("");
            draft.cover(&["@method", "@authority", "@path", "@query", "content-digest"]);
        }),
    ];
    for (what, change) in good {
        let mut draft = Draft::charge();
        change(&mut draft);
        assert_eq!(draft.sign().check(), Ok(()), "{what}");
    }
    assert_eq!(Draft::config().sign().check(), Ok(()));
    let mut spaced = Draft::charge().sign();
    spaced.input[0] = format!("  {} \t", spaced.input[0].replace("\" \"", "\"   \""));
    assert_eq!(spaced.check(), Ok(()), "blanks that mean nothing");
}

/// Correctly signed, but against the rules.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn signatures_against_the_rules_are_refused() {
    type Change = fn(&mut Draft);
    fn edit_parameters(draft: &mut Draft, from: &str, to: &str) {
        draft.parameters = draft.parameters.replace(from, to);
    }
    let created = format!("created={NOW}");
    let traps: [(&str, Change, E); 31] = [
        ("no components", |d| d.cover(&[]), E::Components),
        ("method", |d| d.cover(&["@authority", "@path", "content-digest"]), E::Components),
        ("authority", |d| d.cover(&["@method", "@path", "content-digest"]), E::Components),
        ("path", |d| d.cover(&["@method", "@authority", "content-digest"]), E::Components),
        ("digest", |d| d.cover(&["@method", "@authority", "@path"]), E::Components),
        (
            "a query that is not there",
            |d| d.cover(&["@method", "@authority", "@path", "@query", "content-digest"]),
            E::Components,
        ),
        ("a query that is not covered", |d| d.wire.query = Some("amount_fen=1"), E::Components),
        (
            "one more",
            |d| d.cover(&["@method", "@authority", "@path", "content-digest", "content-type"]),
            E::Components,
        ),
        (
            "one twice",
            |d| d.cover(&["@method", "@authority", "@path", "content-digest", "@path"]),
            E::Components,
        ),
        (
            "one twice for another",
            |d| d.cover(&["@method", "@authority", "@path", "@path"]),
            E::Components,
        ),
        (
            "target for path",
            |d| d.cover(&["@method", "@authority", "@request-target", "content-digest"]),
            E::Components,
        ),
        ("capitals", |d| d.covered[3].0 = "\"Content-Digest\"".into(), E::Components),
        ("a component as structure", |d| d.covered[3].0.push_str(";sf"), E::Components),
        ("of another request", |d| d.covered[0].0.push_str(";req"), E::Components),
        ("one of several digests", |d| d.covered[3].0.push_str(";key=\"sha-256\""), E::Components),
        ("a component as token", |d| d.covered[3].0 = "content-digest".into(), E::Components),
        (
            "no created",
            |d| edit_parameters(d, &format!(";created={NOW}"), ""),
            E::Parameter("created"),
        ),
        (
            "created as text",
            |d| edit_parameters(d, &NOW.to_string(), "\"1\""),
            E::Parameter("created"),
        ),
        (
            "created as fraction",
            |d| edit_parameters(d, &NOW.to_string(), "1.5"),
            E::Parameter("created"),
        ),
        (
            "created as date",
            |d| edit_parameters(d, &NOW.to_string(), "@1795000000"),
            E::Parameter("created"),
        ),
        ("no nonce", |d| edit_parameters(d, ";nonce=\"n-1\"", ""), E::Parameter("nonce")),
        ("empty nonce", |d| edit_parameters(d, "n-1", ""), E::Parameter("nonce")),
        ("long nonce", |d| edit_parameters(d, "n-1", &"x".repeat(65)), E::Parameter("nonce")),
        ("nonce as token", |d| edit_parameters(d, "\"n-1\"", "n-1"), E::Parameter("nonce")),
        ("no keyid", |d| edit_parameters(d, ";keyid=\"xnec/T1\"", ""), E::Parameter("keyid")),
        ("nobody's keyid", |d| edit_parameters(d, "T1", "T9"), E::Key),
        (
            "another algorithm",
            |d| d.parameters.push_str(";alg=\"hmac-sha256\""),
            E::Parameter("alg"),
        ),
        ("algorithm as token", |d| d.parameters.push_str(";alg=ed25519"), E::Parameter("alg")),
        ("expires as text", |d| d.parameters.push_str(";expires=\"1\""), E::Parameter("expires")),
        ("wrong key", |d| d.seed = 3, E::Signature),
        ("another terminal's key", |d| d.seed = 2, E::Signature),
    ];
    for (what, change, refusal) in traps {
        let mut draft = Draft::charge();
        assert!(draft.parameters.contains(&created));
        change(&mut draft);
        assert_eq!(draft.sign().check(), Err(refusal), "{what}");
    }
}

/// Correctly signed, then altered in transit.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn altered_requests_are_refused() {
    type Change = fn(&mut Wire);
    fn edit(field: &mut [String], from: &str, to: &str) {
        assert!(field[0].contains(from), "{} lacks {from}", field[0]);
        field[0] = field[0].replace(from, to);
    }
    let charge: [(&str, Change, E); 42] = [
        ("method", |w| w.method = "PUT", E::Signature),
        ("authority", |w| w.authority = "other.example", E::Signature),
        ("path", |w| w.path = "/terminal/v1/charges/", E::Signature),
        ("escaped path", |w| w.path = "/terminal/v1/%63harges", E::Signature),
        ("a query put behind", |w| w.query = Some("x=1"), E::Components),
        ("a bare question mark", |w| w.query = Some(""), E::Components),
        ("body", |w| w.body[32] ^= 1, E::Digest),
        ("no body", |w| w.body.clear(), E::Digest),
        ("a blank more", |w| w.body.push(b' '), E::Digest),
        (
            "body with its digest",
            |w| {
                w.body = br#"{"seq":17,"amount_fen":1}"#.to_vec();
                w.digest = vec![sha256(&w.body)];
            },
            E::Signature,
        ),
        ("no digest", |w| w.digest.clear(), E::Missing("content-digest")),
        ("an empty digest", |w| w.digest[0].clear(), E::Malformed("content-digest")),
        ("SHA-512 alone", |w| w.digest = vec![sha512(BODY)], E::Malformed("content-digest")),
        ("SHA-512 put beside", |w| w.digest.push(sha512(BODY)), E::Signature),
        ("digest in hex", |w| w.digest[0] = "sha-256=e3b0".into(), E::Malformed("content-digest")),
        ("digest as text", |w| edit(&mut w.digest, ":", "\""), E::Malformed("content-digest")),
        ("digest not base64", |w| edit(&mut w.digest, "=:", "=:!"), E::Malformed("content-digest")),
        (
            "another name",
            |w| edit(&mut w.digest, "sha-256", "sha-2567"),
            E::Malformed("content-digest"),
        ),
        ("two digests of one name", |w| w.digest.push(sha256(b"")), E::Signature),
        ("no input", |w| w.input.clear(), E::Missing("signature-input")),
        ("an empty input", |w| w.input[0].clear(), E::Labels),
        ("no signature", |w| w.signature.clear(), E::Missing("signature")),
        ("an empty signature", |w| w.signature[0].clear(), E::Labels),
        ("another label", |w| edit(&mut w.signature, "sig1=", "sig2="), E::Labels),
        (
            "two labels",
            |w| {
                w.input[0] = format!("{0}, {1}", w.input[0], w.input[0].replace("sig1", "sig2"));
            },
            E::Labels,
        ),
        (
            "two labels on two lines",
            |w| {
                w.input.push(w.input[0].replace("sig1", "sig2"));
                w.signature.push(w.signature[0].replace("sig1", "sig2"));
            },
            E::Labels,
        ),
        (
            "two signatures",
            |w| w.signature[0] = format!("sig0=:AAAA:, {}", w.signature[0]),
            E::Labels,
        ),
        (
            "a label put in",
            |w| edit(&mut w.input, "sig1=", "sig1=(), evil=();x=\", sig1="),
            E::Malformed("signature-input"),
        ),
        ("an input of one label twice", |w| w.input.push("sig1=()".into()), E::Parameter("nonce")),
        ("an item for a list", |w| w.input[0] = "sig1=1".into(), E::Malformed("signature-input")),
        (
            "a list without its end",
            |w| edit(&mut w.input, ")", ""),
            E::Malformed("signature-input"),
        ),
        (
            "capitals in a label",
            |w| edit(&mut w.input, "sig1", "Sig1"),
            E::Malformed("signature-input"),
        ),
        (
            "an escape that is none",
            |w| edit(&mut w.input, "n-1", "n\\-1"),
            E::Malformed("signature-input"),
        ),
        ("another nonce", |w| edit(&mut w.input, "n-1", "n-2"), E::Signature),
        ("another keyid", |w| edit(&mut w.input, "T1", "T2"), E::Signature),
        ("a later created", |w| edit(&mut w.input, &NOW.to_string(), "1795000001"), E::Signature),
        (
            "parameters in another order",
            |w| {
                edit(
                    &mut w.input,
                    ";nonce=\"n-1\";keyid=\"xnec/T1\"",
                    ";keyid=\"xnec/T1\";nonce=\"n-1\"",
                );
            },
            E::Signature,
        ),
        (
            "components in another order",
            |w| {
                edit(&mut w.input, "\"@method\" \"@authority\"", "\"@authority\" \"@method\"");
            },
            E::Signature,
        ),
        ("a parameter more", |w| w.input[0].push_str(";tag=\"x\""), E::Signature),
        (
            "signature not base64",
            |w| edit(&mut w.signature, "=:", "=:*"),
            E::Malformed("signature"),
        ),
        ("signature of no bytes", |w| w.signature[0] = "sig1=::".into(), E::Signature),
        (
            "a huge input",
            |w| w.input[0].push_str(&";x".repeat(1024)),
            E::Malformed("signature-input"),
        ),
    ];
    for (what, change, refusal) in charge {
        let mut wire = Draft::charge().sign();
        change(&mut wire);
        assert_eq!(wire.check(), Err(refusal), "{what}");
    }
    let config: [(&str, Change, E); 4] = [
        ("query", |w| w.query = Some("v=2&x=%20"), E::Signature),
        ("query taken away", |w| w.query = None, E::Components),
        ("query decoded", |w| w.query = Some("v=1&x= "), E::Signature),
        ("a body put behind", |w| w.body = b"{}".to_vec(), E::Digest),
    ];
    for (what, change, refusal) in config {
        let mut wire = Draft::config().sign();
        change(&mut wire);
        assert_eq!(wire.check(), Err(refusal), "{what}");
    }
}

#[test]
fn signatures_are_valid_for_a_limited_time() {
    let at = Timestamp::from_micros;
    let second = 1_000_000;
    let wire = Draft::charge().sign();
    let cases = [
        (-61 * second, Err(E::Stale)),
        (-60 * second - 1, Err(E::Stale)),
        (-60 * second, Ok(())),
        (60 * second, Ok(())),
        (60 * second + 1, Err(E::Stale)),
        (86_400 * second, Err(E::Stale)),
    ];
    for (late, expected) in cases {
        assert_eq!(wire.check_at(at(NOW * second + late)), expected, "{late}");
    }
    for created in ["0", "-1795000000", "999999999999999", "-999999999999999"] {
        let mut draft = Draft::charge();
        draft.parameters = draft.parameters.replace(&NOW.to_string(), created);
        assert_eq!(draft.sign().check(), Err(E::Stale), "{created}");
    }
    let mut expired = Draft::charge();
    expired.parameters += ";expires=1794999999";
    assert_eq!(expired.clone().sign().check(), Err(E::Stale));
    // With the wrong key, the time is not revealed.
    expired.seed = 3;
    assert_eq!(expired.sign().check(), Err(E::Signature));
}
