//! The compared programs.

use super::{
    By, Told,
    bare::{self, Way},
    letters::Mint,
    orders::{Orders, SCHOOL},
};
use crate::{
    load::{self, Wanted},
    postings::Failure,
    program::{self, Program, Settings, free_port, named},
};
use serde::Deserialize;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};
use uuid::Uuid;

const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/callback-node/server.mjs");

/// The line that the reference prints when all its processes listen.
#[derive(Deserialize)]
struct Ready {
    port: u16,
    pids: Vec<u32>,
}

/// The server as it is shipped, on its database.
pub async fn onecard(mint: &Mint, orders: &Orders, folder: &Path) -> Result<Program, Failure> {
    let port = free_port()?;
    Program::onecard(settings(mint, &orders.onecard_url, folder, port)?, port).await
}

/// The server's path from the socket up to settling, without what follows.
pub async fn bare(mint: &Mint, folder: &Path, way: Way) -> Result<Program, Failure> {
    let port = free_port()?;
    let url = format!("sqlite://{}", folder.join(format!("{}.db", way.name())).display());
    Program::bare((bare::ASKED, way.name()), settings(mint, &url, folder, port)?, port).await
}

/// The reference, with as many processes as the server has worker threads. All exit when the first
/// one exits.
pub fn node(mint: &Mint, orders: &Orders, storage: bool) -> Result<Program, Failure> {
    let mut child = Command::new("node")
        .arg(REFERENCE)
        .env("NODE_ENV", "production")
        .env("STORAGE", if storage { "on" } else { "off" })
        .env("DATABASE_URL", &orders.node_url)
        .env("SCHOOL", SCHOOL)
        .env("SCHOOL_ID", orders.school.to_string())
        .env("CLEARING_ACCOUNT", Uuid::now_v7().to_string())
        .env("MCH_ID", &mint.mch_id)
        .env("APP_ID", &mint.app_id)
        .env("API_V3_KEY", &mint.api_v3_key)
        .env("PUBLIC_KEY_ID", &mint.public_key_id)
        .env("PUBLIC_KEY_FILE", &mint.public_key_file)
        .env("ALIPAY_APP_ID", &mint.alipay.app_id)
        .env("ALIPAY_SELLER_ID", &mint.alipay.seller_id)
        .env("ALIPAY_APP_PRIVATE_KEY_FILE", &mint.alipay.app_private_key_file)
        .env("ALIPAY_PUBLIC_KEY_FILE", &mint.alipay.public_key_file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or("no output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let Ready { port, pids } = serde_json::from_str(&line)
        .map_err(|_| "the reference did not start; `npm ci` in benches/callback-node?")?;
    Ok(Program::new(child, port, pids))
}

/// Checks that a wrong signature, a wrong school and an altered body are refused.
pub async fn check_that_it_refuses(
    program: &Program,
    mint: &Mint,
    orders: Told<'_>,
) -> Result<(), Failure> {
    let order = orders.first().ok_or("no order")?;
    let letters = mint.letters(std::slice::from_ref(order))?;
    let letter = String::from_utf8(letters.into_iter().next().ok_or("no letter")?)?;
    for (what, from, to, status) in wrong(mint.by) {
        let request = letter.replace(from, to);
        if request == letter {
            return Err(format!("a letter has no {what}").into());
        }
        let wanted = match mint.by {
            By::WechatPay => Wanted::status(*status),
            By::Alipay => Wanted { status: *status, end: "fail" },
        };
        let refused = load::expect(program.port, request.as_bytes(), wanted).await;
        refused.map_err(|error| format!("a wrong {what} is answered: {error}"))?;
    }
    Ok(())
}

/// What makes a letter wrong: what it is, what is replaced by what, and the status of the answer.
const fn wrong(by: By) -> &'static [(&'static str, &'static str, &'static str, u16)] {
    match by {
        By::WechatPay => &[
            ("signature", "Wechatpay-Signature: ", "Wechatpay-Signature: AAAA", 401),
            ("probe", "re: ", "re: WECHATPAY/SIGNTEST/", 401),
            ("body", "encrypt-resource", "encrypt_resource", 401),
            ("serial", "PUB_KEY_ID_01", "PUB_KEY_ID_02", 401),
            ("school", SCHOOL, "none", 404),
        ],
        // Of the same lengths.
        By::Alipay => &[
            ("signature", "sign=", "sing=", 200),
            ("signature type", "sign_type=RSA2", "sign_type=RSA1", 200),
            ("body", "total_amount=50", "total_amount=51", 200),
            ("status", "TRADE_SUCCESS", "TRADE_SUCCEED", 200),
            ("school", SCHOOL, "none", 200),
        ],
    }
}

fn settings(mint: &Mint, database: &str, folder: &Path, port: u16) -> Result<Settings, Failure> {
    let url = format!("http://127.0.0.1:{port}");
    let mut settings = program::settings(database, folder, port)?;
    settings.extend(named([
        ("WECHAT__API_BASE_URL", url.clone()),
        ("WECHAT__APP_ID", mint.app_id.clone()),
        ("WECHAT__APP_SECRET", mint.app_secret.clone()),
        ("WECHAT_PAY__BASE_URL", url.clone()),
        ("WECHAT_PAY__MCH_ID", mint.mch_id.clone()),
        ("WECHAT_PAY__MERCHANT_SERIAL_NO", mint.merchant_serial_no.clone()),
        (
            "WECHAT_PAY__MERCHANT_PRIVATE_KEY_FILE",
            mint.merchant_private_key_file.display().to_string(),
        ),
        ("WECHAT_PAY__API_V3_KEY", mint.api_v3_key.clone()),
        ("WECHAT_PAY__PUBLIC_KEY_ID", mint.public_key_id.clone()),
        ("WECHAT_PAY__PUBLIC_KEY_FILE", mint.public_key_file.display().to_string()),
    ]));
    let alipay = &mint.alipay;
    settings.extend(named([
        ("ALIPAY__GATEWAY_URL", format!("{url}/gateway.do")),
        ("ALIPAY__APP_ID", alipay.app_id.clone()),
        ("ALIPAY__SELLER_ID", alipay.seller_id.clone()),
        ("ALIPAY__APP_PRIVATE_KEY_FILE", alipay.app_private_key_file.display().to_string()),
        ("ALIPAY__ALIPAY_PUBLIC_KEY_FILE", alipay.public_key_file.display().to_string()),
    ]));
    Ok(settings)
}
