use std::os::unix::fs::PermissionsExt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use sandbox::keys::{self, DESKS_FOLDER, GATES_FOLDER, THROWAWAY_MARK, TILLS_FOLDER};

use crate::support::der;

#[test]
fn keys_are_made_once_marked_and_private() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("data/sandbox");
    let first = keys::generate(&dir).unwrap().credentials;
    let files = [
        keys::CREDENTIALS_FILE,
        keys::MERCHANT_PRIVATE_KEY_FILE,
        keys::WECHAT_PAY_PUBLIC_KEY_FILE,
        keys::WECHAT_PAY_PRIVATE_KEY_FILE,
        keys::ALIPAY_FILE,
        keys::ALIPAY_APP_PRIVATE_KEY_FILE,
        keys::ALIPAY_PUBLIC_KEY_FILE,
        keys::ALIPAY_PRIVATE_KEY_FILE,
        keys::LOCKS_FILE,
        keys::WECOM_FILE,
    ];
    let read = |name| std::fs::read_to_string(dir.join(name)).unwrap();
    let before = files.map(read);
    for (name, text) in files.iter().zip(&before) {
        assert!(text.contains(THROWAWAY_MARK), "{name}");
        let mode = std::fs::metadata(dir.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let mut names: Vec<_> =
        std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    let folders = ["hbgyzy", "ynart", "yncjxy", TILLS_FOLDER, GATES_FOLDER, DESKS_FOLDER];
    let mut expected: Vec<_> = files.into_iter().chain(folders).collect();
    expected.sort_unstable();
    assert_eq!(names, expected);

    // Another implementation reads the files, and the two halves belong together.
    let pair = RsaKeyPair::from_pkcs8(&der(&read(keys::WECHAT_PAY_PRIVATE_KEY_FILE))).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"text", &mut signature).unwrap();
    let public = der(&read(keys::WECHAT_PAY_PUBLIC_KEY_FILE));
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
    public.verify(b"text", &signature).unwrap();

    let again = keys::generate(&dir).unwrap().credentials;
    assert_eq!(files.map(read), before);
    assert_eq!(again.wechat.app_id, first.wechat.app_id);

    std::fs::remove_file(dir.join(keys::WECHAT_PAY_PUBLIC_KEY_FILE)).unwrap();
    keys::generate(&dir).unwrap();
    assert_eq!(files.map(read), before, "a gap is filled with what was there");
}

/// A folder of an earlier release has no Alipay: it is added, and nothing else changes.
#[test]
fn what_a_folder_lacks_is_added() {
    let dir = tempfile::tempdir().unwrap();
    let first = keys::generate(dir.path()).unwrap();
    let school = dir.path().join("yncjxy");
    for (folder, count) in [(dir.path(), 4), (school.as_path(), 7)] {
        let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        let alipays = |path: &&std::path::PathBuf| path.to_str().unwrap().contains("/alipay");
        assert_eq!(files.iter().filter(alipays).count(), count, "{files:?}");
        for path in files.iter().filter(|path| path.is_file()) {
            let text = std::fs::read_to_string(path).unwrap();
            let mode = std::fs::metadata(path).unwrap().permissions().mode();
            assert!(text.contains(THROWAWAY_MARK) && mode & 0o777 == 0o600, "{path:?}");
        }
        files.iter().filter(alipays).for_each(|path| std::fs::remove_file(path).unwrap());
    }
    let again = keys::generate(dir.path()).unwrap();
    assert_eq!(again.credentials.wechat.app_id, first.credentials.wechat.app_id);
    let (first, again) = (first.alipay.unwrap(), again.alipay.unwrap());
    assert_ne!(again.general.app_id, first.general.app_id);
    assert_ne!(again.schools["yncjxy"].app_id, first.schools["yncjxy"].app_id);
    assert_eq!(again.schools["ynart"].app_id, first.schools["ynart"].app_id);
    let general = &again.general;
    assert!(general.app_id.len() == 16 && general.app_id.starts_with("2021"));
    assert!(general.seller_id.len() == 16 && general.seller_id.starts_with("2088"));
    let secret = &again.schools["hbgyzy"].encrypt_key;
    assert!(secret.starts_with("sandbox") && !format!("{again:?}").contains(secret));
}

#[test]
fn identifiers_have_their_real_shapes_and_stay_out_of_debug_output() {
    let dir = tempfile::tempdir().unwrap();
    let keys = keys::generate(dir.path()).unwrap();
    let (app, pay) = (&keys.credentials.wechat, &keys.credentials.wechat_pay);
    assert_eq!((app.app_id.len(), app.app_secret.len()), (18, 32));
    assert_eq!((pay.mch_id.len(), pay.merchant_serial_no.len()), (10, 40));
    assert!(pay.merchant_serial_no.bytes().all(|b| b"0123456789ABCDEF".contains(&b)));
    assert!(pay.api_v3_key.len() == 32 && pay.api_v3_key.is_ascii());
    let id = pay.public_key_id.strip_prefix("PUB_KEY_ID_").unwrap();
    assert!(id.len() == 34 && id.bytes().all(|b| b.is_ascii_digit()));
    let shown = format!("{keys:?}");
    assert!(!shown.contains(&pay.api_v3_key) && !shown.contains(&app.app_secret));
}
