//! Throwaway keys: made once into a folder, marked as such, readable by their owner only.
//!
//! Invariant: [`generate`] never replaces a file; running it again only fills gaps.
//! Invariant: every file says that it is a throwaway sandbox key, and the API v3 keys and the app
//! secrets begin with `sandbox`, so that a production configuration can refuse them.

mod credentials;
mod files;
mod folder;
mod till;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

pub use credentials::{Credentials, SchoolCredentials, WechatCredentials, WechatPayCredentials};

use crate::certificate::PlatformCertificate;
pub use till::{TILL_ID, TILLS_FOLDER, TillKey};

use crate::crypto::{CheckingKey, CryptoError, Sealer, SignatureKey};
use credentials::KeyMode;
use folder::Folder;

/// Written into every file that [`generate`] makes.
pub const THROWAWAY_MARK: &str =
    "THROWAWAY SANDBOX KEY: made for the onecard sandbox, worthless with any real provider";

pub const CREDENTIALS_FILE: &str = "credentials.json";
pub const MERCHANT_PRIVATE_KEY_FILE: &str = "merchant_private_key.pem";
pub const WECHAT_PAY_PUBLIC_KEY_FILE: &str = "wechat_pay_public_key.pem";
/// Stays with the sandbox: it stands for what only WeChat Pay has.
pub const WECHAT_PAY_PRIVATE_KEY_FILE: &str = "wechat_pay_private_key.pem";
pub const PLATFORM_CERTIFICATE_FILE: &str = "platform_certificate.pem";
/// Stays with the sandbox, like [`WECHAT_PAY_PRIVATE_KEY_FILE`].
pub const PLATFORM_CERTIFICATE_PRIVATE_KEY_FILE: &str = "platform_certificate_private_key.pem";

/// The demo schools with something of their own; all others use what is general.
const SCHOOLS: [School; 3] = [
    School { code: "hbgyzy", own_app: false, mode: KeyMode::Both },
    School { code: "ynart", own_app: true, mode: KeyMode::PublicKey },
    School { code: "yncjxy", own_app: false, mode: KeyMode::Certificate },
];

struct School {
    /// Also the name of its folder.
    code: &'static str,
    own_app: bool,
    mode: KeyMode,
}

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("{path}: {source}", path = path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{path}: {source}", path = path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("a key could not be made: the thread that made it ended early")]
    Thread,
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// Everything the stand-ins sign, check and seal with.
#[derive(Debug)]
pub struct Keys {
    /// Of the general app and merchant.
    pub credentials: Credentials,
    /// By the code of a school.
    pub schools: BTreeMap<String, SchoolCredentials>,
    /// Of the demo schools.
    pub tills: Vec<TillKey>,
    /// The general merchant first.
    pub(crate) merchants: Vec<Arc<MerchantKeys>>,
}

/// What WeChat Pay has of one merchant.
#[derive(Debug)]
pub(crate) struct MerchantKeys {
    pub(crate) credentials: WechatPayCredentials,
    /// The public half.
    pub(crate) merchant: CheckingKey,
    /// Signs what names `PUB_KEY_ID_…`.
    pub(crate) public_key: Option<Arc<SignatureKey>>,
    /// Those that the merchant begins with.
    pub(crate) certificates: Vec<PlatformCertificate>,
    pub(crate) api_v3: Sealer,
}

impl Keys {
    /// The general merchant's keys alone, from their texts: PKCS#8 PEM, the merchant's and
    /// WeChat Pay's.
    pub fn from_pem(
        credentials: Credentials,
        merchant_private_key: &str,
        wechat_pay_private_key: &str,
    ) -> Result<Self, KeyError> {
        let merchant = MerchantKeys {
            credentials: credentials.wechat_pay.clone(),
            merchant: SignatureKey::from_pem(merchant_private_key)?.checking_half(),
            public_key: Some(Arc::new(SignatureKey::from_pem(wechat_pay_private_key)?)),
            certificates: Vec::new(),
            api_v3: Sealer::new(credentials.wechat_pay.api_v3_key.as_bytes())?,
        };
        let (schools, tills) = (BTreeMap::new(), Vec::new());
        Ok(Self { credentials, schools, tills, merchants: vec![Arc::new(merchant)] })
    }

    /// The apps that are bound to the merchant: the general one, and its school's own.
    pub(crate) fn apps_of(&self, mch_id: &str) -> Vec<String> {
        let mut schools = self.schools.values();
        let school = schools.find(|school| school.wechat_pay.mch_id == mch_id);
        let own = school.and_then(|school| school.wechat.as_ref());
        let apps = std::iter::once(&self.credentials.wechat).chain(own);
        apps.map(|app| app.app_id.clone()).collect()
    }

    /// The code of the school that the merchant belongs to; none for the general one.
    pub(crate) fn school_of(&self, mch_id: &str) -> Option<&str> {
        let mut schools = self.schools.iter();
        let own = schools.find(|(_, school)| school.wechat_pay.mch_id == mch_id)?;
        Some(own.0)
    }
}

/// Makes whatever is missing in `dir` and reads the whole of it.
///
/// Takes some seconds the first time: nine RSA keys of 2048 bits are made.
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
    let (credentials, merchant) = general?;
    let merchants = vec![Arc::new(merchant)];
    let (own, tills) = (BTreeMap::new(), till::generate(dir)?);
    let mut keys = Keys { credentials, schools: own, tills, merchants };
    for (code, made) in schools {
        let (credentials, merchant) = made.map_err(|_| KeyError::Thread)??;
        keys.schools.insert(code.to_owned(), credentials);
        keys.merchants.push(Arc::new(merchant));
    }
    Ok(keys)
}

fn generate_general(dir: &Path) -> Result<(Credentials, MerchantKeys), KeyError> {
    let folder = Folder::open(dir.to_owned())?;
    let credentials = folder.credentials(Credentials::invent)?;
    let keys = folder.keys(credentials.wechat_pay.clone())?;
    Ok((credentials, keys))
}

fn generate_school(
    school: &School,
    dir: PathBuf,
) -> Result<(SchoolCredentials, MerchantKeys), KeyError> {
    let folder = Folder::open(dir)?;
    let invent = || SchoolCredentials::invent(school.own_app, school.mode);
    let credentials = folder.credentials(invent)?;
    let keys = folder.keys(credentials.wechat_pay.clone())?;
    Ok((credentials, keys))
}
