//! Throwaway keys: generated once into a folder, marked as such, readable by their owner only.
//! What a key is for and how it is generated is a matter of its stand-in.
//!
//! Invariant: [`generate`] never replaces a file; running it again only adds what is missing.
//! Invariant: every file says that it is a throwaway sandbox key, and the API v3 keys, the app
//! secrets and the content keys begin with `sandbox`, so that a production configuration can refuse them.

mod credentials;
mod files;
mod folder;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

pub use credentials::{Credentials, SchoolCredentials};

pub(crate) use folder::Folder;

pub use crate::stand_ins::alipay::keys::{
    ALIPAY_APP_CERT_FILE, ALIPAY_APP_PRIVATE_KEY_FILE, ALIPAY_CERT_FILE, ALIPAY_FILE,
    ALIPAY_PRIVATE_KEY_FILE, ALIPAY_PUBLIC_KEY_FILE, ALIPAY_ROOT_CERT_FILE,
    ALIPAY_ROOT_PRIVATE_KEY_FILE, AlipayApps, AlipayCredentials, Identities,
};
pub use crate::stand_ins::gate::{DESK_ID, DESKS_FOLDER, GATE_ID, GATES_FOLDER};
pub use crate::stand_ins::locks::{LOCKS_FILE, LockCredentials, LocksFile};
pub use crate::stand_ins::till::{TILL_ID, TILLS_FOLDER, TillKey};
pub use crate::stand_ins::wechat::WechatCredentials;
pub use crate::stand_ins::wechat_pay::keys::{
    MERCHANT_PRIVATE_KEY_FILE, PLATFORM_CERTIFICATE_FILE, PLATFORM_CERTIFICATE_PRIVATE_KEY_FILE,
    WECHAT_PAY_PRIVATE_KEY_FILE, WECHAT_PAY_PUBLIC_KEY_FILE, WechatPayCredentials,
};
pub use crate::stand_ins::wecom::{WECOM_FILE, WecomCredentials, WecomFile};

use crate::crypto::CryptoError;
use crate::stand_ins::alipay::keys::{AppKeys, AppMode, AppPlan};
use crate::stand_ins::gate;
use crate::stand_ins::wechat_pay::keys::{KeyMode, MerchantKeys};

/// Written into every file of [`generate`].
pub const THROWAWAY_MARK: &str =
    "THROWAWAY SANDBOX KEY: made for the onecard sandbox, worthless with any real provider";

pub const CREDENTIALS_FILE: &str = "credentials.json";

/// The demo schools that have their own credentials; all others use the general ones.
const SCHOOLS: [School; 3] = [
    School {
        code: "hbgyzy",
        own_app: false,
        mode: KeyMode::Both,
        alipay: AppPlan { mode: AppMode::Encrypted, identities: Identities::Both },
    },
    School {
        code: "ynart",
        own_app: true,
        mode: KeyMode::PublicKey,
        alipay: AppPlan { mode: AppMode::PublicKey, identities: Identities::OpenId },
    },
    School {
        code: "yncjxy",
        own_app: false,
        mode: KeyMode::Certificate,
        alipay: AppPlan { mode: AppMode::Certificate, identities: Identities::UserId },
    },
];

struct School {
    /// Also the name of its folder.
    code: &'static str,
    /// Of WeChat.
    own_app: bool,
    mode: KeyMode,
    /// Its own app.
    alipay: AppPlan,
}

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("{path}: {source}", path = path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{path}: {source}", path = path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("a key could not be generated: the thread that generates it ended early")]
    Thread,
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// Everything that the stand-ins sign, check and seal with.
#[derive(Debug)]
pub struct Keys {
    /// Of the general app and merchant.
    pub credentials: Credentials,
    /// By the code of a school.
    pub schools: BTreeMap<String, SchoolCredentials>,
    /// Of the demo schools.
    pub tills: Vec<TillKey>,
    /// Of gates and of library desks.
    pub gates: Vec<TillKey>,
    /// `None` where only WeChat Pay's keys were given.
    pub locks: Option<LockCredentials>,
    /// `None` where only WeChat Pay's keys were given.
    pub wecom: Option<WecomCredentials>,
    /// `None` where only WeChat Pay's keys were given.
    pub alipay: Option<AlipayApps>,
    /// The general merchant first.
    pub(crate) merchants: Vec<Arc<MerchantKeys>>,
}

impl Keys {
    /// The general merchant's keys alone, from their texts: PKCS#8 PEM, the merchant's and
    /// WeChat Pay's. Alipay has no apps then.
    pub fn from_pem(
        credentials: Credentials,
        merchant_private_key: &str,
        wechat_pay_private_key: &str,
    ) -> Result<Self, KeyError> {
        let pay = credentials.wechat_pay.clone();
        let merchant = MerchantKeys::from_pem(pay, merchant_private_key, wechat_pay_private_key)?;
        Ok(Self {
            credentials,
            schools: BTreeMap::new(),
            tills: Vec::new(),
            gates: Vec::new(),
            locks: None,
            wecom: None,
            alipay: None,
            merchants: vec![Arc::new(merchant)],
        })
    }
}

/// Generates whatever is missing in `dir` and reads all of it.
///
/// Takes some seconds the first time: eighteen RSA keys of 2048 bits are generated.
pub fn generate(dir: &Path) -> Result<Keys, KeyError> {
    let (general, schools) = thread::scope(|scope| {
        let schools = SCHOOLS.map(|school| {
            let dir = dir.join(school.code);
            (school.code, scope.spawn(move || generate_school(&school, dir)))
        });
        let general = generate_general(dir);
        let schools = schools.map(|(code, made)| (code, made.join()));
        (general, schools)
    });
    let Made { credentials, merchant, app } = general?;
    let merchants = vec![Arc::new(merchant)];
    let folder = Folder::open(dir.to_owned())?;
    let locks = folder.credentials(LOCKS_FILE, LocksFile::generate)?.locks;
    let wecom = folder.credentials(WECOM_FILE, WecomFile::generate)?.wecom;
    let mut apps = AlipayApps::new(app);
    let mut keys = Keys {
        credentials,
        schools: BTreeMap::new(),
        tills: TillKey::generate_all(dir, (TILLS_FOLDER, TILL_ID))?,
        gates: gate::generate_keys(dir)?,
        locks: Some(locks),
        wecom: Some(wecom),
        alipay: None,
        merchants,
    };
    for (code, made) in schools {
        let Made { credentials, merchant, app } = made.map_err(|_| KeyError::Thread)??;
        keys.schools.insert(code.to_owned(), credentials);
        keys.merchants.push(Arc::new(merchant));
        apps.add(code, app);
    }
    keys.alipay = Some(apps);
    Ok(keys)
}

/// What a folder holds.
struct Made<C> {
    credentials: C,
    merchant: MerchantKeys,
    app: AppKeys,
}

fn generate_general(dir: &Path) -> Result<Made<Credentials>, KeyError> {
    let folder = Folder::open(dir.to_owned())?;
    let credentials = folder.credentials(CREDENTIALS_FILE, Credentials::generate)?;
    let merchant = MerchantKeys::generate(&folder, credentials.wechat_pay.clone())?;
    Ok(Made { credentials, merchant, app: AppKeys::generate(&folder, AppPlan::GENERAL)? })
}

fn generate_school(school: &School, dir: PathBuf) -> Result<Made<SchoolCredentials>, KeyError> {
    let folder = Folder::open(dir)?;
    let generate = || SchoolCredentials::generate(school.own_app, school.mode);
    let credentials = folder.credentials(CREDENTIALS_FILE, generate)?;
    let merchant = MerchantKeys::generate(&folder, credentials.wechat_pay.clone())?;
    Ok(Made { credentials, merchant, app: AppKeys::generate(&folder, school.alipay)? })
}
