//! The programs that are measured, each as processes of its own that end with it.

use super::{
    Told,
    bare::{self, Way},
    letters::Mint,
    load,
    orders::{Orders, SCHOOL},
};
use crate::postings::Failure;
use serde::Deserialize;
use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(2);
/// Throwaway, as the other keys.
const KEY: &str = "base64:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/callback-node/server.mjs");

pub struct Program {
    child: Child,
    pub port: u16,
    pids: Vec<u32>,
}

/// What the reference prints when all its processes listen.
#[derive(Deserialize)]
struct Ready {
    port: u16,
    pids: Vec<u32>,
}

impl Program {
    /// The server as it is shipped, on its database. It logs what went wrong; every request would
    /// be a line that the reference does not write.
    pub async fn onecard(mint: &Mint, orders: &Orders, folder: &Path) -> Result<Self, Failure> {
        let port = free_port()?;
        let child = Command::new(env!("CARGO_BIN_EXE_onecard"))
            .arg("serve")
            .envs(settings(mint, &orders.onecard_url, folder, port)?)
            .stdin(Stdio::null())
            .spawn()?;
        Self::listening(child, port).await
    }

    /// The server's own way from the socket to the settling, and nothing behind it.
    pub async fn bare(mint: &Mint, folder: &Path, way: Way) -> Result<Self, Failure> {
        let port = free_port()?;
        let url = format!("sqlite://{}", folder.join(format!("{}.db", way.name())).display());
        let child = Command::new(std::env::current_exe()?)
            .env(bare::ASKED, way.name())
            .envs(settings(mint, &url, folder, port)?)
            .stdin(Stdio::null())
            .spawn()?;
        Self::listening(child, port).await
    }

    /// The reference, with as many processes as the server has threads that answer.
    pub fn node(mint: &Mint, orders: &Orders, storage: bool) -> Result<Self, Failure> {
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
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let Ready { port, pids } = serde_json::from_str(&line)
            .map_err(|_| "the reference did not start; `npm ci` in benches/callback-node?")?;
        Ok(Self { child, port, pids })
    }

    async fn listening(child: Child, port: u16) -> Result<Self, Failure> {
        let pids = vec![child.id()];
        let program = Self { child, port, pids };
        let until = Instant::now() + PATIENCE;
        let ready = b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
        while Instant::now() < until {
            if matches!(load::status(port, ready).await, Ok(200)) {
                return Ok(program);
            }
            tokio::time::sleep(POLL).await;
        }
        Err("the server did not start".into())
    }

    /// What its processes have used so far, of user and kernel, over all their threads.
    pub fn cpu_time(&self) -> Result<Duration, Failure> {
        let mut nanoseconds = 0_u64;
        for pid in &self.pids {
            for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
                let used = fs::read_to_string(thread?.path().join("schedstat"))?;
                let used = used.split(' ').next().ok_or("no figure")?;
                nanoseconds += used.parse::<u64>()?;
            }
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// What its processes hold in memory, in KiB.
    pub fn resident_kib(&self) -> Result<u64, Failure> {
        let mut sum = 0;
        for pid in &self.pids {
            let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
            sum += kib.parse::<u64>()?;
        }
        Ok(sum)
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) -> Result<(), Failure> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Program {
    /// The reference's other processes end when the first one does.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A wrong signature, a wrong school, and a body that was altered are refused.
pub async fn check_that_it_refuses(
    program: &Program,
    mint: &Mint,
    orders: Told<'_>,
) -> Result<(), Failure> {
    let order = orders.first().ok_or("no order")?;
    let letters = mint.letters(std::slice::from_ref(order))?;
    let letter = String::from_utf8(letters.into_iter().next().ok_or("no letter")?)?;
    let wrong = [
        ("signature", letter.replace("Wechatpay-Signature: ", "Wechatpay-Signature: AAAA"), 401),
        ("probe", letter.replace("re: ", "re: WECHATPAY/SIGNTEST/"), 401),
        ("body", letter.replace("encrypt-resource", "encrypt_resource"), 401),
        ("serial", letter.replace("PUB_KEY_ID_01", "PUB_KEY_ID_02"), 401),
        ("school", letter.replace(SCHOOL, "none"), 404),
    ];
    for (what, request, expected) in wrong {
        let status = load::status(program.port, request.as_bytes()).await?;
        if status != expected {
            return Err(format!("a wrong {what} is answered with {status}").into());
        }
    }
    Ok(())
}

fn settings(
    mint: &Mint,
    database: &str,
    folder: &Path,
    port: u16,
) -> Result<Vec<(String, String)>, Failure> {
    let path = |name: &str| folder.join(name).display().to_string();
    let url = format!("http://127.0.0.1:{port}");
    let settings = [
        ("ENVIRONMENT", "sandbox".to_owned()),
        ("SERVER__LISTEN", format!("127.0.0.1:{port}")),
        ("SERVER__METRICS_LISTEN", format!("127.0.0.1:{}", free_port()?)),
        ("SERVER__PUBLIC_URL", url.clone()),
        ("SERVER__H5_DIR", path("h5")),
        ("DATABASE__URL", database.to_owned()),
        ("LEDGER__HEADS_FILE", path("heads.jsonl")),
        ("TELEMETRY__LOG", "warn,onecard::topup::callback=error".to_owned()),
        ("KEYS__MASTER", KEY.to_owned()),
        ("KEYS__DATA", KEY.to_owned()),
        ("KEYS__INDEX", KEY.to_owned()),
        ("KEYS__JWT", KEY.to_owned()),
        ("WECHAT__API_BASE_URL", url.clone()),
        ("WECHAT__APP_ID", mint.app_id.clone()),
        ("WECHAT__APP_SECRET", mint.app_secret.clone()),
        ("WECHAT_PAY__BASE_URL", url),
        ("WECHAT_PAY__MCH_ID", mint.mch_id.clone()),
        ("WECHAT_PAY__MERCHANT_SERIAL_NO", mint.merchant_serial_no.clone()),
        (
            "WECHAT_PAY__MERCHANT_PRIVATE_KEY_FILE",
            mint.merchant_private_key_file.display().to_string(),
        ),
        ("WECHAT_PAY__API_V3_KEY", mint.api_v3_key.clone()),
        ("WECHAT_PAY__PUBLIC_KEY_ID", mint.public_key_id.clone()),
        ("WECHAT_PAY__PUBLIC_KEY_FILE", mint.public_key_file.display().to_string()),
    ];
    Ok(settings.map(|(name, value)| (format!("ONECARD__{name}"), value)).into())
}

fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
