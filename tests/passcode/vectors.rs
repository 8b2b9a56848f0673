//! What another implementation derives from the same keys. The client's tests read the same file.

use onecard::{
    base::{
        clock::Timestamp,
        crypto::keyring::{Key32, KeyRing, NamedKey},
    },
    passcode::{
        Code, CodeMaster, CodeMasters, CodePurpose, Moment, OtpMatch, Prefixes, Salt, Step,
        SubCounter, barcode_svg, match_otp, parse,
    },
};
use serde::Deserialize;

const FILE: &str = include_str!("../fixtures/passcode.json");

#[derive(Deserialize)]
struct Vectors {
    master_key: String,
    codes: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    school: String,
    salt: String,
    generation: u32,
    purpose: String,
    otp_key: String,
    handle_key: String,
    step_seconds: u16,
    unix_seconds: i64,
    sub_counter: u8,
    code: String,
    /// Widths of the bars and spaces of its bar code, by a third implementation.
    barcode: String,
}

fn vectors() -> (Key32, Vec<Vector>) {
    let Vectors { master_key, codes } = serde_json::from_str(FILE).unwrap();
    assert!(codes.len() >= 11);
    (Key32::from_slice(&hex::decode(master_key).unwrap()).unwrap(), codes)
}

#[test]
fn codes_are_those_of_another_implementation() {
    let (master, codes) = vectors();
    let master = CodeMaster::new(&master);
    for vector in codes {
        let salt: [u8; 16] = hex::decode(&vector.salt).unwrap().try_into().unwrap();
        let salt = Salt::from_bytes(salt);
        let device = master.device_key(&vector.school, &salt, vector.generation);
        let purpose = if vector.purpose == "pay" { CodePurpose::Pay } else { CodePurpose::Id };
        assert_eq!(purpose.as_str(), vector.purpose);
        let (otp_key, handle_key) = (device.otp_key(purpose), device.handle_key(purpose));
        assert_eq!(hex::encode(otp_key.expose()), vector.otp_key, "{}", vector.code);
        assert_eq!(hex::encode(handle_key.expose()), vector.handle_key, "{}", vector.code);
        let tick = Step::from_seconds(vector.step_seconds)
            .unwrap()
            .tick(Timestamp::from_seconds(vector.unix_seconds));
        let moment = Moment { tick, sub: SubCounter::from_number(vector.sub_counter).unwrap() };
        let (handle, otp) = (handle_key.handle_at(tick), otp_key.otp(moment));
        let code = Code::new(&Prefixes::default(), purpose, handle, otp);
        assert_eq!(code.digits(), vector.code);
        let read = parse(&vector.code, &Prefixes::default(), &[purpose]).unwrap();
        assert_eq!(match_otp(&otp_key, tick.epoch(), read.otp(), tick), OtpMatch::Good(moment));
    }
}

#[test]
fn bar_codes_are_those_of_another_implementation() {
    for Vector { code, barcode, .. } in vectors().1 {
        let svg = barcode_svg(&code).unwrap();
        // Each bar is `M{x} {y}h{width}v…`; the quiet zone of 10 modules comes first.
        let (mut widths, mut end) = (String::new(), 10);
        for bar in svg.split('M').skip(2) {
            let (x, rest) = bar.split_once(' ').unwrap();
            let width = rest.split(['h', 'v']).nth(1).unwrap();
            let (x, width): (u32, u32) = (x.parse().unwrap(), width.parse().unwrap());
            if !widths.is_empty() {
                widths += &(x - end).to_string();
            }
            widths += &width.to_string();
            end = x + width;
        }
        assert_eq!(widths, barcode, "{code}");
        assert_eq!(end, 155, "{code}");
    }
}

#[test]
fn the_specification_lists_the_vectors() {
    let specification = include_str!("../../docs/passcode.md");
    for vector in vectors().1 {
        assert!(specification.contains(&vector.code), "{}", vector.code);
    }
}

#[test]
fn enrolments_keep_the_master_key_that_they_began_with() {
    let key = |byte| Key32::from_bytes([byte; 32]);
    let old = NamedKey::new("k1", key(1)).unwrap();
    let ring = KeyRing::new(NamedKey::new("k2", key(2)).unwrap(), vec![old]).unwrap();
    let masters = CodeMasters::new(&ring);
    for (id, byte) in [("k1", 1), ("k2", 2)] {
        let found = masters.get(masters.number(id).unwrap()).unwrap();
        let otp = |master: &CodeMaster| {
            let salt = Salt::from_bytes([0; 16]);
            *master.device_key("demo", &salt, 1).otp_key(CodePurpose::Pay).expose()
        };
        assert_eq!(otp(found), otp(&CodeMaster::new(&key(byte))), "{id}");
    }
    assert!(masters.number("k3").is_none());
}

#[test]
fn nothing_of_a_key_is_printed() {
    let master = CodeMaster::new(&vectors().0);
    let device = master.device_key("demo", &Salt::from_bytes([0; 16]), 1);
    let (otp, keys) = (device.otp_key(CodePurpose::Pay), device.handle_keys());
    let salt = Salt::random().expect("the system has randomness");
    let printed = format!("{master:?} {device:?} {otp:?} {keys:?} {salt:?}");
    let printed = printed.replace("Key32([redacted])", "");
    assert!(!printed.contains(|c: char| c.is_ascii_digit()), "{printed}");
}
