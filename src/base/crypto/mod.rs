//! Cryptography that is not a provider's: sealing personal data, looking it up, signing heads.
