//! Signing in.

use super::{
    Account, StaffAccounts, StaffId, StaffMember, StaffRefusal, StaffSessionId, TRIES_OF_CLIENTS,
    TRIES_OF_STRANGERS, actor,
    factor::{GivenCode, Shown},
    first::NewPassword,
    recovery::{RecoveryCode, RecoveryHashes},
    registry::entry,
    store::{self, sessions},
};
use crate::{
    audit::{self, AuditAct},
    base::{
        clock::Timestamp,
        crypto::{
            hasher::HasherError,
            seal::SealError,
            totp::{NoSecret, TotpCode, TotpSecret},
        },
        db::{DbError, Tx, TxError},
        ids::SchoolId,
        tokens::{NoToken, RefreshHash, RefreshSecret},
    },
    passwords::{CountedTry, PasswordFault, TryCounts, TrySubject},
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The lifetime of an access token.
pub const ACCESS_LIFETIME: Duration = Duration::from_mins(10);
/// How long a client is known to a login after a sign-in.
const CLIENT_LIFETIME: Duration = Duration::from_hours(180 * 24);
/// The school of logins at schools that do not exist.
const NO_SCHOOL: SchoolId = SchoolId::from_number(0);

/// Somebody who signs in.
#[derive(Debug)]
pub struct StaffSignIn {
    /// The school's code.
    pub school: String,
    /// The login.
    pub login: String,
    /// The password.
    pub password: SecretString,
    /// Six digits of the second factor.
    pub totp: Option<SecretString>,
    /// A recovery code in place of them, where the phone is lost.
    pub recovery_code: Option<SecretString>,
    /// From an earlier sign-in at this client. A wrong one is as none.
    pub client_token: Option<SecretString>,
    /// The code for the first sign-in, as the command printed it. A wrong one is as none.
    pub first_code: Option<SecretString>,
    /// The password that replaces the one that the operator gave: at the first sign-in.
    pub new_password: Option<SecretString>,
}

/// How a sign-in went.
#[derive(Debug)]
pub enum SignInOutcome {
    /// Signed in.
    Granted(StaffGrant),
    /// Password and code were right, and the code was of a secret that a command printed, or a recovery
    /// code: a sign-in with a code of this secret puts it in force.
    MustEnrol(OfferedFactor),
}

/// The tokens of a session.
#[derive(Debug)]
pub struct StaffGrant {
    /// For the `Authorization` header.
    pub access_token: String,
    /// Valid once, for the next pair.
    pub refresh_token: String,
    /// For the next sign-in at this client.
    pub client_token: String,
    /// Recovery codes that replace all earlier ones, where a second factor came into force. They are told
    /// once.
    pub recovery_codes: Vec<Zeroizing<String>>,
    /// Who signed in.
    pub member: StaffMember,
}

/// A second factor of somebody's own, which is not in force yet.
#[derive(Debug)]
pub struct OfferedFactor {
    /// The secret in base32, to be typed.
    pub secret: Zeroizing<String>,
    /// The address for a QR code.
    pub otpauth_uri: Zeroizing<String>,
    /// Whether a new password is to be chosen with it.
    pub needs_password: bool,
}

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum StaffSignInError {
    /// No code was given. Nothing was looked at.
    #[error("a code of the second factor is needed")]
    TotpMissing,
    /// School, login, password or code are wrong, or the login is disabled; callers are not told
    /// which.
    #[error("the sign-in was refused")]
    Refused,
    /// Everything was right, and the slip for the first sign-in was printed more than a day ago.
    #[error("the slip has expired")]
    SlipExpired,
    /// Everything was right, and the first sign-in needs a password of one's own.
    #[error("a new password is needed")]
    NewPasswordNeeded,
    /// The new password is too short, the login, or the one from before.
    #[error("the new password is too weak")]
    NewPasswordWeak,
    /// What needs a right or a second factor that was just given.
    #[error(transparent)]
    NotNow(#[from] StaffRefusal),
    /// The token is invalid or no longer valid.
    #[error("invalid token")]
    BadToken,
    /// Too many attempts, or the attempt could not be made.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// A token could not be made.
    #[error(transparent)]
    NoToken(#[from] NoToken),
    /// A secret could not be made.
    #[error(transparent)]
    NoSecret(#[from] NoSecret),
    /// The stored second factor could not be opened.
    #[error("the second factor could not be opened: {0}")]
    Sealed(#[from] SealError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for StaffSignInError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Password(fault) => fault.db(),
            Self::TotpMissing
            | Self::Refused
            | Self::SlipExpired
            | Self::NewPasswordNeeded
            | Self::NewPasswordWeak
            | Self::BadToken
            | Self::NotNow(_)
            | Self::NoToken(_)
            | Self::NoSecret(_)
            | Self::Sealed(_) => None,
        }
    }
}

/// What an accepted code led to.
enum Admitted {
    Session(Opened, RefreshSecret),
    Offered(TotpSecret),
}

/// A session that was opened.
struct Opened {
    session: StaffSessionId,
    /// With a second factor that came into force.
    enrolled: bool,
    recovery_codes: Vec<Zeroizing<String>>,
}

/// What a sign-in makes before its transaction, which may run twice.
struct Prepared<'a> {
    /// Stored where a second factor comes into force.
    recovery: &'a RecoveryHashes,
    refresh: RefreshHash,
    offer: &'a TotpSecret,
    /// Hashed, or why there is none.
    new_password: &'a NewPassword,
    now: Timestamp,
}

impl StaffAccounts {
    /// Signs in with password and code.
    pub async fn sign_in(&self, attempt: StaffSignIn) -> Result<SignInOutcome, StaffSignInError> {
        let code = given_code(&attempt)?;
        let school = self.schools.by_code(&attempt.school).await?;
        let school = school.map_or(NO_SCHOOL, |school| school.id);
        let claimed = store::find(&self.db, school, &attempt.login).await?;
        let known = self.knows(claimed.as_ref(), attempt.client_token.as_ref())
            || self.has_slip(claimed.as_ref(), attempt.first_code.as_ref())?;
        let fields = [TRIES_OF_STRANGERS, TRIES_OF_CLIENTS];
        let [strangers, clients] =
            fields.map(|field| self.counts.subject(school, field, &attempt.login));
        let (tries, others) = if known { (clients, strangers) } else { (strangers, clients) };
        let counted = self.counts.count(&tries, self.clock.now()).await;
        let counted = self.failed(claimed.as_ref(), false, counted.map_err(Into::into))?;
        let pool = if known { &self.for_clients } else { &self.for_strangers };
        let new_password = self.new_password(pool, &attempt).await;
        let new_password = self.hashed(new_password, &counted).await?;
        // One Argon2 run whoever it is.
        let stored = claimed.as_ref().map(|account| account.password_hash.clone());
        let fits = self.hashed(pool.verify(attempt.password, stored).await, &counted).await?;
        let as_found = AtomicBool::new(true);
        let of = (fits, &as_found);
        let admitted =
            self.admit(claimed.as_ref(), of, (&code, &new_password), [&tries, &others]).await;
        let to_blame = claimed.as_ref().filter(|_| !fits || as_found.load(Ordering::Relaxed));
        match self.failed(to_blame, fits, admitted)? {
            Admitted::Session(opened, secret) => {
                let grant = self.grant(opened.session, &secret).await?;
                let recovery_codes = opened.recovery_codes;
                Ok(SignInOutcome::Granted(StaffGrant { recovery_codes, ..grant }))
            }
            Admitted::Offered(offer) => Ok(SignInOutcome::MustEnrol(OfferedFactor {
                secret: offer.base32(),
                otpauth_uri: offer.otpauth_uri(&format!("{}@{}", attempt.login, attempt.school)),
                needs_password: claimed.is_some_and(|account| account.signed_in_at.is_none()),
            })),
        }
    }

    /// Whether the client has a token from an earlier sign-in to this login.
    fn knows(&self, claimed: Option<&Account>, token: Option<&SecretString>) -> bool {
        let now = self.clock.now();
        let of = token.and_then(|token| self.clients.session_of(token.expose_secret(), now).ok());
        of.is_some_and(|of| claimed.is_some_and(|account| account.id.uuid() == of))
    }

    /// What the hasher answered. An attempt that got no turn there is not counted.
    pub(super) async fn hashed<T>(
        &self,
        outcome: Result<T, HasherError>,
        counted: &CountedTry,
    ) -> Result<T, StaffSignInError> {
        if matches!(outcome, Err(HasherError::Busy)) {
            self.counts.undo(counted).await?;
        }
        Ok(outcome.map_err(PasswordFault::from)?)
    }

    /// Accepts the code, if the password was right and is still in force. The same statements are
    /// made whichever was wrong. Whether the login is as it was found is told beside the outcome.
    async fn admit(
        &self,
        claimed: Option<&Account>,
        (fits, as_found): (bool, &AtomicBool),
        (code, new_password): (&GivenCode, &NewPassword),
        [tries, others]: [&TrySubject; 2],
    ) -> Result<Admitted, StaffSignInError> {
        let (secret, offer) = (RefreshSecret::random()?, TotpSecret::random()?);
        let (refresh, now) = (secret.hash(), self.clock.now());
        let id = claimed.map_or(StaffId::from_uuid(Uuid::nil()), |account| account.id);
        let (codes, recovery) = RecoveryHashes::issue(id)?;
        let recovery = &recovery;
        let prepared = Prepared { recovery, refresh, offer: &offer, new_password, now };
        let before = claimed.map(|account| (account.password_hash.as_str(), account.enabled));
        let by = claimed.map(|account| actor(&account.login, &account.staff_no, ""));
        let db = by.map_or_else(|| self.db.clone(), |by| self.db.clone().acting_as(by));
        let session = db
            .in_tx(async |tx| {
                let found = store::lock(tx, id).await?;
                let account = found.ok_or(StaffSignInError::Refused)?;
                let shown = self.keeper.judge(id, &account.factor, code, prepared.now)?;
                let is_same = Some((account.password_hash.as_str(), account.enabled)) == before;
                as_found.store(is_same, Ordering::Relaxed);
                if !fits || !account.enabled || !is_same {
                    return Err(StaffSignInError::Refused);
                }
                // This one was counted as well.
                let failed = TryCounts::counted(tx, [tries, others], prepared.now).await? - 1;
                TryCounts::forget(tx, tries).await?;
                let opened = self.accept(tx, &account, shown, &prepared).await?;
                // Who sets up a login may choose a password that is refused.
                if opened.as_ref().is_none_or(|opened| !opened.enrolled) && failed > 0 {
                    let mut entry = entry(AuditAct::StaffTriesFailed, &account);
                    entry.detail = format!("failed {failed}");
                    audit::record(tx, &entry, prepared.now).await?;
                }
                Ok(opened)
            })
            .await?;
        Ok(match session {
            Some(opened) => {
                let recovery_codes = if opened.enrolled { codes } else { Vec::new() };
                Admitted::Session(Opened { recovery_codes, ..opened }, secret)
            }
            None => Admitted::Offered(offer),
        })
    }

    /// Opens a session, or offers a secret.
    async fn accept(
        &self,
        tx: &Tx,
        account: &Account,
        shown: Shown,
        prepared: &Prepared<'_>,
    ) -> Result<Option<Opened>, StaffSignInError> {
        let Prepared { recovery, refresh, offer, new_password, now } = prepared;
        match shown {
            Shown::Wrong => Err(StaffSignInError::Refused),
            Shown::Expired => Err(StaffSignInError::SlipExpired),
            Shown::Printed { then } => {
                let then = self.keeper.offering(account.id, then, offer)?;
                store::set_factor(tx, account.id, &account.factor, then, *now).await?;
                Ok(None)
            }
            Shown::Recovered { then } => {
                let then = self.keeper.offering(account.id, then, offer)?;
                store::set_factor(tx, account.id, &account.factor, then, *now).await?;
                audit::record(tx, &entry(AuditAct::StaffRecoveryUsed, account), *now).await?;
                Ok(None)
            }
            Shown::Good { mut then, enrolled } => {
                if enrolled {
                    then.recovery = (*recovery).clone();
                    sessions::end_all(tx, account.id, *now).await?;
                }
                store::set_factor(tx, account.id, &account.factor, then, *now).await?;
                new_password.put_in_force(tx, account, *now).await?;
                store::signed_in(tx, account.id, *now).await?;
                let session = sessions::open(tx, account, refresh, *now).await?;
                let mut entries = vec![entry(AuditAct::StaffSignedIn, account)];
                if enrolled {
                    entries.insert(0, entry(AuditAct::StaffFactorEnrolled, account));
                }
                audit::record_all(tx, &entries, *now).await?;
                Ok(Some(Opened { session, enrolled, recovery_codes: Vec::new() }))
            }
        }
    }

    /// The tokens of a session that was just opened or renewed.
    pub(super) async fn grant(
        &self,
        id: StaffSessionId,
        secret: &RefreshSecret,
    ) -> Result<StaffGrant, StaffSignInError> {
        let now = self.clock.now();
        let member = sessions::find(&self.db, id, now).await?.ok_or(StaffSignInError::BadToken)?;
        Ok(StaffGrant {
            access_token: self.tokens.access(id.uuid(), ACCESS_LIFETIME, now)?,
            refresh_token: secret.token(id.uuid()),
            client_token: self.clients.access(member.id.uuid(), CLIENT_LIFETIME, now)?,
            recovery_codes: Vec::new(),
            member,
        })
    }
}

/// What is given for the second factor; a code of the app where both are.
fn given_code(attempt: &StaffSignIn) -> Result<GivenCode, StaffSignInError> {
    match (&attempt.totp, &attempt.recovery_code) {
        (Some(totp), _) => totp_code(totp),
        (None, Some(code)) => RecoveryCode::parse(code.expose_secret())
            .map(GivenCode::Recovery)
            .map_err(|_| StaffSignInError::Refused),
        (None, None) => Err(StaffSignInError::TotpMissing),
    }
}

pub(super) fn totp_code(given: &SecretString) -> Result<GivenCode, StaffSignInError> {
    let code = TotpCode::parse(given.expose_secret()).map_err(|_| StaffSignInError::Refused)?;
    Ok(GivenCode::Totp(code))
}
