//! The tokens of a client: a short-lived access token (a JWT that names a session) and a refresh
//! token (the session's secret, usable once).
//!
//! Tokens of one audience are refused by every other audience, although the keys are the same.

use super::{
    clock::Timestamp,
    crypto::keyring::{KeyRing, NamedKey},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;
use uuid::Uuid;

const ISSUER: &str = "onecard";

/// The token is malformed, forged, expired, or signed with a removed key. The caller is not told
/// which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid token")]
pub struct BadToken;

/// The token could not be created: no randomness, or signing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token could not be created")]
pub struct NoToken;

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    sid: Uuid,
    iat: i64,
    exp: i64,
}

/// Whom tokens are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Students. Their tokens name no audience.
    Students,
    /// Members of staff.
    Staff,
    /// A client at which a member of staff has signed in before. It signs nobody in.
    StaffClient,
}

impl Audience {
    #[cfg(test)]
    const ALL: [Self; 3] = [Self::Students, Self::Staff, Self::StaffClient];

    /// The claim `aud`.
    const fn claim(self) -> Option<&'static str> {
        match self {
            Self::Students => None,
            Self::Staff => Some("onecard-staff"),
            Self::StaffClient => Some("onecard-staff-client"),
        }
    }
}

/// Creates and verifies the tokens of one audience.
#[derive(Debug)]
pub struct Tokens {
    keys: KeyRing,
    audience: Audience,
}

/// The hash of a session's refresh secret.
#[derive(Clone)]
pub struct RefreshHash(pub [u8; 32]);

impl std::fmt::Debug for RefreshHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshHash")
    }
}

/// A session's secret before it is sent to the client. It is not printed.
pub struct RefreshSecret([u8; 32]);

impl std::fmt::Debug for RefreshSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshSecret")
    }
}

impl RefreshSecret {
    /// A new random secret.
    pub fn random() -> Result<Self, NoToken> {
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret).map_err(|_| NoToken)?;
        Ok(Self(secret))
    }

    /// The hash that is stored.
    pub fn hash(&self) -> RefreshHash {
        RefreshHash(Sha256::digest(self.0).into())
    }

    /// The refresh token: the session's id and its secret.
    pub fn token(&self, session: Uuid) -> String {
        format!("{}.{}", session.simple(), URL_SAFE_NO_PAD.encode(self.0))
    }

    /// Parses a refresh token.
    pub fn parse(token: &str) -> Result<(Uuid, Self), BadToken> {
        let (session, secret) = token.split_once('.').ok_or(BadToken)?;
        let session = session.parse().map_err(|_| BadToken)?;
        let secret = URL_SAFE_NO_PAD.decode(secret).map_err(|_| BadToken)?;
        Ok((session, Self(secret.try_into().map_err(|_| BadToken)?)))
    }
}

impl Tokens {
    /// Signs with the current key; tokens of previous keys stay valid until they expire.
    pub const fn new(keys: KeyRing, audience: Audience) -> Self {
        Self { keys, audience }
    }

    /// A token that names this session, or whatever else the audience's tokens name.
    pub fn access(
        &self,
        session: Uuid,
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<String, NoToken> {
        let key: &NamedKey = self.keys.current();
        let header = Header { kid: Some(key.id().to_owned()), ..Header::new(Algorithm::HS256) };
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: self.audience.claim().map(str::to_owned),
            sid: session,
            iat: now.seconds(),
            exp: now.plus(lifetime).seconds(),
        };
        let secret = EncodingKey::from_secret(key.key().expose());
        jsonwebtoken::encode(&header, &claims, &secret).map_err(|_| NoToken)
    }

    /// Verifies a token; returns what it names.
    pub fn session_of(&self, token: &str, now: Timestamp) -> Result<Uuid, BadToken> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| BadToken)?;
        let key = header.kid.as_deref().and_then(|id| self.keys.find(id)).ok_or(BadToken)?;
        let mut checks = Validation::new(Algorithm::HS256);
        checks.set_issuer(&[ISSUER]);
        // Expiry and audience are checked below: the one against the clock that is passed in, and
        // the other so that a token without one is refused where there must be one.
        checks.validate_exp = false;
        checks.validate_aud = false;
        let secret = DecodingKey::from_secret(key.expose());
        let claims =
            jsonwebtoken::decode::<Claims>(token, &secret, &checks).map_err(|_| BadToken)?.claims;
        let is_ours = claims.aud.as_deref() == self.audience.claim();
        if claims.exp <= now.seconds() || !is_ours { Err(BadToken) } else { Ok(claims.sid) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::crypto::keyring::Key32;

    const LIFETIME: Duration = Duration::from_mins(15);

    fn ring(id: &str, byte: u8) -> KeyRing {
        KeyRing::single(NamedKey::new(id, Key32::from_bytes([byte; 32])).unwrap())
    }

    fn tokens(id: &str, byte: u8) -> Tokens {
        Tokens::new(ring(id, byte), Audience::Students)
    }

    #[test]
    fn an_access_token_is_valid_until_it_expires_and_with_its_key() {
        let now = Timestamp::from_seconds(1_767_232_800);
        let (own, session) = (tokens("k1", 1), Uuid::from_u128(7));
        let token = own.access(session, LIFETIME, now).unwrap();
        let last = now.plus(LIFETIME).minus(Duration::from_secs(1));
        assert_eq!(own.session_of(&token, now), Ok(session));
        assert_eq!(own.session_of(&token, last), Ok(session));
        assert_eq!(own.session_of(&token, now.plus(LIFETIME)), Err(BadToken));
        for other in [tokens("k1", 2), tokens("k2", 1)] {
            assert_eq!(other.session_of(&token, now), Err(BadToken));
        }
        for forged in ["", "a.b.c", "eyJhbGciOiJub25lIiwia2lkIjoiazEifQ.e30.", &token[1..]] {
            assert_eq!(own.session_of(forged, now), Err(BadToken), "{forged}");
        }
    }

    #[test]
    fn a_token_is_valid_for_its_audience_only() {
        let now = Timestamp::from_seconds(1_767_232_800);
        for made_for in Audience::ALL {
            let token =
                Tokens::new(ring("k1", 1), made_for).access(Uuid::nil(), LIFETIME, now).unwrap();
            for shown_to in Audience::ALL {
                let read = Tokens::new(ring("k1", 1), shown_to).session_of(&token, now);
                assert_eq!(read.is_ok(), made_for == shown_to, "{made_for:?} {shown_to:?}");
            }
        }
    }

    #[test]
    fn a_refresh_token_round_trips_and_is_not_printed() {
        let session = Uuid::from_u128(7);
        let secret = RefreshSecret::random().unwrap();
        let (read, same) = RefreshSecret::parse(&secret.token(session)).unwrap();
        assert_eq!((read, same.hash().0), (session, secret.hash().0));
        assert_eq!(format!("{secret:?}{:?}", secret.hash()), "RefreshSecretRefreshHash");
        for bad in ["", ".", "x.y", &format!("{session}.short")] {
            assert!(RefreshSecret::parse(bad).is_err(), "{bad}");
        }
    }
}
