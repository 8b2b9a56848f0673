//! The tokens of a client: a short-lived access token (a JWT that names a session) and a refresh
//! token (the session's secret, usable once).

use crate::{
    base::{
        clock::Timestamp,
        crypto::keyring::{KeyRing, NamedKey},
    },
    sessions::{RefreshHash, SessionId},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// The lifetime of an access token.
pub const ACCESS_LIFETIME: Duration = Duration::from_mins(15);
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
    sid: SessionId,
    iat: i64,
    exp: i64,
}

/// Creates and verifies tokens.
#[derive(Debug)]
pub struct Tokens {
    keys: KeyRing,
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
    pub fn token(&self, session: SessionId) -> String {
        format!("{}.{}", session.uuid().simple(), URL_SAFE_NO_PAD.encode(self.0))
    }

    /// Parses a refresh token.
    pub fn parse(token: &str) -> Result<(SessionId, Self), BadToken> {
        let (session, secret) = token.split_once('.').ok_or(BadToken)?;
        let session = session.parse().map_err(|_| BadToken)?;
        let secret = URL_SAFE_NO_PAD.decode(secret).map_err(|_| BadToken)?;
        Ok((session, Self(secret.try_into().map_err(|_| BadToken)?)))
    }
}

impl Tokens {
    /// Signs with the current key; tokens of previous keys stay valid until they expire.
    pub const fn new(keys: KeyRing) -> Self {
        Self { keys }
    }

    /// An access token of a session.
    pub fn access(&self, session: SessionId, now: Timestamp) -> Result<String, NoToken> {
        let key: &NamedKey = self.keys.current();
        let header = Header { kid: Some(key.id().to_owned()), ..Header::new(Algorithm::HS256) };
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sid: session,
            iat: now.seconds(),
            exp: now.plus(ACCESS_LIFETIME).seconds(),
        };
        let secret = EncodingKey::from_secret(key.key().expose());
        jsonwebtoken::encode(&header, &claims, &secret).map_err(|_| NoToken)
    }

    /// Verifies an access token; returns its session.
    pub fn session_of(&self, token: &str, now: Timestamp) -> Result<SessionId, BadToken> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| BadToken)?;
        let key = header.kid.as_deref().and_then(|id| self.keys.find(id)).ok_or(BadToken)?;
        let mut checks = Validation::new(Algorithm::HS256);
        checks.set_issuer(&[ISSUER]);
        // Expiry is checked below, against the clock that is passed in.
        checks.validate_exp = false;
        let secret = DecodingKey::from_secret(key.expose());
        let claims =
            jsonwebtoken::decode::<Claims>(token, &secret, &checks).map_err(|_| BadToken)?.claims;
        if claims.exp <= now.seconds() { Err(BadToken) } else { Ok(claims.sid) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::crypto::keyring::Key32;

    fn ring(id: &str, byte: u8) -> KeyRing {
        KeyRing::single(NamedKey::new(id, Key32::from_bytes([byte; 32])).unwrap())
    }

    #[test]
    fn an_access_token_is_valid_until_it_expires_and_with_its_key() {
        let now = Timestamp::from_seconds(1_767_232_800);
        let (tokens, session) = (Tokens::new(ring("k1", 1)), SessionId::new(now));
        let token = tokens.access(session, now).unwrap();
        let last = now.plus(ACCESS_LIFETIME).minus(Duration::from_secs(1));
        assert_eq!(tokens.session_of(&token, now), Ok(session));
        assert_eq!(tokens.session_of(&token, last), Ok(session));
        assert_eq!(tokens.session_of(&token, now.plus(ACCESS_LIFETIME)), Err(BadToken));
        for other in [ring("k1", 2), ring("k2", 1)] {
            assert_eq!(Tokens::new(other).session_of(&token, now), Err(BadToken));
        }
        for forged in ["", "a.b.c", "eyJhbGciOiJub25lIiwia2lkIjoiazEifQ.e30.", &token[1..]] {
            assert_eq!(tokens.session_of(forged, now), Err(BadToken), "{forged}");
        }
    }

    #[test]
    fn a_refresh_token_round_trips_and_is_not_printed() {
        let session = SessionId::new(Timestamp::from_seconds(1));
        let secret = RefreshSecret::random().unwrap();
        let (read, same) = RefreshSecret::parse(&secret.token(session)).unwrap();
        assert_eq!((read, same.hash().0), (session, secret.hash().0));
        assert_eq!(format!("{secret:?}{:?}", secret.hash()), "RefreshSecretRefreshHash");
        for bad in ["", ".", "x.y", &format!("{}.short", session.uuid())] {
            assert!(RefreshSecret::parse(bad).is_err(), "{bad}");
        }
    }
}
