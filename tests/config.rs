//! Good configurations, and a table of bad ones with the problem that each must report.

use onecard::{
    base::{clock::Timestamp, crypto::keyring::NamedKey},
    config::{ConfigError, Environment, LogFormat},
    messages::MessageTemplate,
    providers::templates::Templates,
    wiring::Settings,
};
use secrecy::ExposeSecret;
use serde_json::Value;
use std::{fs, path::Path, time::Duration};
use tempfile::TempDir;

const KEY: &str = "base64:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const V3_KEY: &str = "0123456789abcdef0123456789abcdef";

/// A time at which the platform certificate is valid.
const NOW: Timestamp = Timestamp::from_seconds(1_767_232_800);

/// A folder with key files.
struct Fixture(TempDir);

impl Fixture {
    fn new() -> Self {
        let fixture = Self(TempDir::new().unwrap());
        let keys: Value = serde_json::from_str(include_str!("fixtures/wechat/keys.json")).unwrap();
        let text = |pointer: &str| keys.pointer(pointer).unwrap().as_str().unwrap();
        let private = text("/merchant/private_key_pem/der_base64");
        fixture.write("private.pem", &pem("PRIVATE KEY", "", private));
        fixture.write("public.pem", text("/wechatpay/public_key_pem"));
        fixture.write("certificate.pem", text("/platform_certificate/certificate_pem"));
        fixture.write("own-public.pem", text("/merchant/public_key_pem"));
        fixture.write("own-certificate.pem", text("/merchant/certificate_pem"));
        fixture.write("no-private.pem", &pem("PRIVATE KEY", "", "AAAA"));
        fixture.write("no-public.pem", &pem("PUBLIC KEY", "", "AAAA"));
        fixture.write("no-certificate.pem", &pem("CERTIFICATE", "", "AAAA"));
        fixture.write("throwaway.pem", &pem("PRIVATE KEY", "THROWAWAY SANDBOX\n", private));
        fixture.write("throwaway-public.pem", &pem("PUBLIC KEY", "THROWAWAY SANDBOX\n", "AAAA"));
        fixture.write("endless.pem", &pem("PRIVATE KEY", &"x".repeat(70_000), private));
        fixture.write_alipay();
        fixture
    }

    /// The keys of an application of Alipay, in the forms that its console hands out.
    fn write_alipay(&self) {
        let [keys, certificates, roots] = [
            include_str!("fixtures/alipay/keys.json"),
            include_str!("fixtures/alipay/cert_sn.json"),
            include_str!("fixtures/alipay/root_certificates.json"),
        ]
        .map(|file| serde_json::from_str::<Value>(file).unwrap());
        let text = |file: &Value, pointer: &str| {
            file.pointer(pointer).unwrap().as_str().unwrap().to_owned()
        };
        let pkcs1 = text(&keys, "/app/private_pkcs1_pem/der_base64");
        let pkcs8 = text(&keys, "/app/private_pkcs8_pem/der_base64");
        self.write("app-pkcs1.pem", &pem("RSA PRIVATE KEY", "", &pkcs1));
        self.write("app-pkcs8.pem", &pem("PRIVATE KEY", "", &pkcs8));
        self.write("app-pkcs1.txt", &pkcs1);
        self.write("app-pkcs8.txt", &pkcs8);
        self.write("app-throwaway.pem", &pem("RSA PRIVATE KEY", "THROWAWAY SANDBOX\n", &pkcs1));
        self.write("app-public.pem", &text(&keys, "/app/public_spki_pem"));
        self.write("app-public.txt", &text(&keys, "/app/public_spki_b64"));
        self.write("alipay-public.pem", &text(&keys, "/alipay/public_spki_pem"));
        self.write("alipay-public.txt", &text(&keys, "/alipay/public_spki_b64"));
        let throwaway = format!("THROWAWAY SANDBOX\n{}", text(&keys, "/alipay/public_spki_pem"));
        self.write("alipay-throwaway.pem", &throwaway);
        self.write("app.crt", &text(&certificates, "/cases/0/pem"));
        self.write("alipay.crt", &text(&certificates, "/cases/1/pem"));
        self.write("root.crt", &text(&roots, "/pem"));
        let ecdsa = text(&roots, "/pem");
        let ecdsa = ecdsa.split_inclusive("-----END CERTIFICATE-----\n").nth(2).unwrap().to_owned();
        self.write("no-rsa-root.crt", &ecdsa);
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    /// Loads `toml` under variables; `{dir}` in either stands for the folder.
    fn load(&self, toml: &str, env: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let dir = self.0.path().to_str().unwrap();
        self.write("onecard.toml", &toml.replace("{dir}", dir));
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), value.replace("{dir}", dir)));
        Settings::load(Some(&self.0.path().join("onecard.toml")), env)
    }
}

fn pem(kind: &str, note: &str, base64: &str) -> String {
    format!("{note}-----BEGIN {kind}-----\n{base64}\n-----END {kind}-----\n")
}

fn keys() -> String {
    format!("[keys]\nmaster = \"{KEY}\"\ndata = \"{KEY}\"\nindex = \"{KEY}\"\njwt = \"{KEY}\"\n")
}

fn wechat() -> &'static str {
    "[wechat]\napp_id = \"wx01\"\napp_secret = \"app-hush\"\n"
}

fn wechat_pay() -> String {
    format!(
        "[wechat_pay]\nmch_id = \"1900000001\"\nmerchant_serial_no = \"3775\"\n\
         merchant_private_key_file = \"{{dir}}/private.pem\"\napi_v3_key = \"{V3_KEY}\"\n\
         public_key_id = \"PUB_KEY_ID_01\"\npublic_key_file = \"{{dir}}/public.pem\"\n"
    )
}

/// Public key mode.
fn alipay() -> &'static str {
    "[alipay]\napp_id = \"2021000000000001\"\nseller_id = \"2088000000000011\"\n\
     app_private_key_file = \"{dir}/app-pkcs1.txt\"\n\
     alipay_public_key_file = \"{dir}/alipay-public.txt\"\nencrypt_key = \"\"\n"
}

/// The serial number of the platform certificate.
fn platform_serial() -> String {
    let keys: Value = serde_json::from_str(include_str!("fixtures/wechat/keys.json")).unwrap();
    keys.pointer("/platform_certificate/serial_no").unwrap().as_str().unwrap().to_owned()
}

fn production() -> String {
    "environment = \"production\"\nserver.public_url = \"https://card.example.edu.cn\"\n".to_owned()
}

#[test]
fn the_keys_alone_are_enough_and_the_rest_has_defaults() {
    let Settings { config, providers } = Fixture::new().load(&keys(), &[]).unwrap();
    assert_eq!(config.environment, Environment::Sandbox);
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.metrics_listen.to_string(), "127.0.0.1:9090");
    assert_eq!(config.server.public_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(config.server.authorities, ["127.0.0.1:8080"]);
    assert!(config.server.trusted_proxies.is_empty());
    assert_eq!(config.server.h5_dir, Path::new("mini-program/dist/build/h5"));
    assert_eq!(config.server.workers, 2);
    assert_eq!(config.server.max_connections, 12_000);
    assert_eq!(config.database.url.expose_secret(), "sqlite://data/onecard.db");
    assert_eq!(config.database.max_connections, 16);
    assert!(config.database.auto_migrate);
    assert!(config.redis.url.is_none());
    assert_eq!(config.ledger.heads_file, Path::new("data/heads.jsonl"));
    assert_eq!(config.ledger.lanes, 2);
    assert_eq!(config.payments.first_look, Duration::from_secs(5));
    assert_eq!(config.payments.most_open_orders, 5);
    assert_eq!(config.keys.data.current().id(), "k1");
    assert_eq!(config.telemetry.log, "info");
    assert_eq!(config.telemetry.format, LogFormat::Json);
    assert!(config.telemetry.otlp_endpoint.is_none());
    assert!(providers.wechat.general.is_none());
    assert!(providers.wechat_pay.of("xnec").is_none());
}

/// Where they have none, `keys.master` stands in for them.
#[test]
fn heads_and_rows_have_keys_of_their_own_or_the_master_key() {
    let fixture = Fixture::new();
    let ids = |settings: &Settings| {
        let keys = &settings.config.keys;
        [&keys.head, &keys.mac]
            .map(|ring| ring.all().map(NamedKey::id).collect::<Vec<_>>().join(","))
    };
    let old = fixture.load(&keys(), &[]).unwrap();
    assert_eq!(ids(&old), ["k1", "k1"]);
    assert_eq!(old.config.keys.head.current().key().expose()[31], 31);
    let own = format!(
        "{}head = {{ id = \"h2\", key = \"{KEY}\" }}\n\
         mac = {{ id = \"m2\", key = \"{KEY}\", previous = [{{ id = \"k1\", key = \"{KEY}\" }}] }}\n",
        keys()
    );
    assert_eq!(ids(&fixture.load(&own, &[]).unwrap()), ["h2", "m2,k1"]);
    let empty = [("ONECARD__KEYS__HEAD", ""), ("ONECARD__KEYS__MAC", "")];
    assert_eq!(ids(&fixture.load(&keys(), &empty).unwrap()), ["k1", "k1"]);
}

#[test]
fn retired_keys_of_heads_are_named_with_their_last_position() {
    let fixture = Fixture::new();
    let key = "a9395b269ad67a7b8cf1f9d18157a7a0d6f8b21969285089ea7b41ff2483fb1a";
    let trusted = |settings: &Settings| {
        let heads = settings.config.ledger.trusted_heads.iter();
        heads.map(|key| (hex::encode(key.public_key), key.until_position)).collect::<Vec<_>>()
    };
    let toml = format!(
        "{}[ledger]\ntrusted_heads = [{{ public_key = \"{key}\", until_position = 7 }}]\n",
        keys()
    );
    let expected = vec![(key.to_owned(), Some(7))];
    assert_eq!(trusted(&fixture.load(&toml, &[]).unwrap()), expected);
    let variable = format!("{key}=7");
    let env = [("ONECARD__LEDGER__TRUSTED_HEADS", variable.as_str())];
    assert_eq!(trusted(&fixture.load(&keys(), &env).unwrap()), expected);
    for (entry, problem) in [
        (format!("{{ public_key = \"{key}\" }}"), "until_position: missing"),
        (format!("{{ public_key = \"{key}\", until_position = 0 }}"), "until_position: must be"),
        ("{ public_key = \"ab\", until_position = 7 }".to_owned(), "public_key: must be"),
        ("{ key = \"ab\" }".to_owned(), "key: is not a known key"),
        ("7".to_owned(), "must be { public_key"),
    ] {
        let toml = format!("{}[ledger]\ntrusted_heads = [{entry}]\n", keys());
        let error = fixture.load(&toml, &[]).unwrap_err().to_string();
        assert!(error.contains(problem), "{entry}: {error}");
    }
}

#[test]
fn authorities_come_from_the_public_address_and_in_the_sandbox_from_listen() {
    let fixture = Fixture::new();
    let cases: [(&str, &[&str]); 4] = [
        ("server.public_url = \"http://localhost:8080\"\n", &["localhost:8080", "127.0.0.1:8080"]),
        (
            "server.listen = \"0.0.0.0:80\"\nserver.public_url = \"https://a.cn\"\n",
            &["a.cn", "127.0.0.1:80"],
        ),
        (&production(), &["card.example.edu.cn"]),
        ("server.authorities = [\"A.cn\", \"b.cn:8443\"]\n", &["a.cn", "b.cn:8443"]),
    ];
    for (toml, expected) in cases {
        let Settings { config, .. } = fixture.load(&format!("{toml}{}", keys()), &[]).unwrap();
        assert_eq!(config.server.authorities, expected, "{toml}");
    }
}

#[test]
fn variables_override_the_file_and_lists_are_comma_separated() {
    let toml = format!("{}[server]\nlisten = \"127.0.0.1:1\"\nworkers = 3\n", keys());
    let previous = format!("k1={KEY},k0={KEY}");
    let env = [
        ("ONECARD__SERVER__LISTEN", "127.0.0.1:2"),
        ("ONECARD__SERVER__TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.1"),
        ("ONECARD__DATABASE__MAX_CONNECTIONS", "8"),
        ("ONECARD__DATABASE__AUTO_MIGRATE", "false"),
        ("ONECARD__LEDGER__LANES", ""),
        ("ONECARD__KEYS__DATA__ID", "k2"),
        ("ONECARD__KEYS__DATA__KEY", KEY),
        ("ONECARD__KEYS__DATA__PREVIOUS", &previous),
        ("ONECARD_TEST_REDIS", "not ours"),
        ("PATH", "/bin"),
    ];
    let Settings { config, .. } = Fixture::new().load(&toml, &env).unwrap();
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.server.workers, 3);
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert_eq!(config.database.max_connections, 8);
    assert!(!config.database.auto_migrate);
    assert_eq!(config.ledger.lanes, 2);
    let ids: Vec<&str> = config.keys.data.all().map(NamedKey::id).collect();
    assert_eq!(ids, ["k2", "k1", "k0"]);
}

#[test]
fn a_ring_of_keys_is_read_from_a_table() {
    let ring = format!(
        "{{ id = \"k2\", key = \"{KEY}\", previous = [{{ id = \"k1\", key = \"{KEY}\" }}] }}"
    );
    let toml = keys().replace(&format!("index = \"{KEY}\""), &format!("index = {ring}"));
    let Settings { config, .. } = Fixture::new().load(&toml, &[]).unwrap();
    assert_eq!(config.keys.index.current().id(), "k2");
    assert!(config.keys.index.find("k1").is_some());
}

#[test]
fn a_school_lays_its_own_settings_over_the_general_ones() {
    let toml = format!(
        "{}{}{}[school.xnec.wechat_pay]\nbill_hosts = [\"bills.cn\"]\n\
         [school.csmzxy.wechat]\napp_id = \"wx02\"\n",
        keys(),
        wechat(),
        wechat_pay()
    );
    let env = [("ONECARD__SCHOOL__XNEC__WECHAT_PAY__MCH_ID", "1900000002")];
    let Settings { providers, .. } = Fixture::new().load(&toml, &env).unwrap();

    let pay = |school: &str| providers.wechat_pay.of(school).unwrap();
    assert_eq!(pay("xnec").mch_id, "1900000002");
    assert_eq!(pay("xnec").bill_hosts, ["bills.cn"]);
    assert_eq!(pay("xnec").public_key_id.as_deref(), Some("PUB_KEY_ID_01"));
    assert_eq!(pay("csmzxy").mch_id, "1900000001");
    assert_eq!(pay("elsewhere").bill_hosts, ["api.mch.weixin.qq.com"]);

    let app = |school: &str| providers.wechat.of(school).unwrap();
    assert_eq!(app("xnec").app_id, "wx01");
    assert_eq!(app("csmzxy").app_id, "wx02");
    assert_eq!(app("csmzxy").app_secret.expose_secret(), "app-hush");
    assert!(providers.wechat.own.keys().eq(["csmzxy"]));
    assert!(providers.wechat_pay.own.keys().eq(["xnec"]));
}

#[test]
fn a_shared_address_may_wait_for_the_schools_to_complete_it() {
    let shared = "[wechat]\napi_base_url = \"http://127.0.0.1:8090\"\n";
    let own = "[school.xnec.wechat]\napp_id = \"wx02\"\napp_secret = \"hush\"\n";
    let fixture = Fixture::new();
    let settings = fixture.load(&format!("{}{shared}{own}", keys()), &[]).unwrap();
    let wechat = settings.providers.wechat;
    assert_eq!(wechat.of("xnec").unwrap().base_url.as_str(), "http://127.0.0.1:8090/");
    assert!(wechat.of("elsewhere").is_none());

    let error = fixture.load(&format!("{}{shared}", keys()), &[]).unwrap_err();
    assert_told(&error, "wechat.app_id", "missing");
}

#[test]
fn both_ways_of_verifying_wechat_pay_may_be_live() {
    let certificates = "platform_certificate_files = [\"{dir}/certificate.pem\"]\n";
    let both = format!("{}{}{certificates}", keys(), wechat_pay());
    let settings = Fixture::new().load(&both, &[]).unwrap();
    let pay = settings.providers.wechat_pay.general.unwrap();
    assert_eq!(pay.public_key_id.as_deref(), Some("PUB_KEY_ID_01"));
    assert!(pay.keys.get("PUB_KEY_ID_01", NOW).is_some());
    assert!(pay.keys.get(&platform_serial(), NOW).is_some());

    let certificates_alone =
        [("ONECARD__WECHAT_PAY__PUBLIC_KEY_ID", ""), ("ONECARD__WECHAT_PAY__PUBLIC_KEY_FILE", "")];
    let settings = Fixture::new().load(&both, &certificates_alone).unwrap();
    let pay = settings.providers.wechat_pay.general.unwrap();
    assert!(pay.public_key_id.is_none() && pay.keys.get("PUB_KEY_ID_01", NOW).is_none());
    assert!(pay.keys.get(&platform_serial(), NOW).is_some());
}

#[test]
fn platform_certificates_are_kept_fresh_where_there_are_any_or_as_told() {
    const FILES: &str = "ONECARD__WECHAT_PAY__PLATFORM_CERTIFICATE_FILES";
    const FETCH: &str = "ONECARD__WECHAT_PAY__FETCH_PLATFORM_CERTIFICATES";
    const KEY_ID: &str = "ONECARD__WECHAT_PAY__PUBLIC_KEY_ID";
    const KEY_FILE: &str = "ONECARD__WECHAT_PAY__PUBLIC_KEY_FILE";
    let toml = format!("{}{}", keys(), wechat_pay());
    let cases = [
        (vec![], false, false),
        (vec![(FETCH, "true")], true, false),
        (vec![(FILES, "{dir}/certificate.pem")], true, true),
        (vec![(FILES, "{dir}/certificate.pem"), (FETCH, "false")], false, true),
        (vec![(FETCH, "true"), (KEY_ID, ""), (KEY_FILE, "")], true, false),
    ];
    for (variables, fetched, known) in cases {
        let settings = Fixture::new().load(&toml, &variables).unwrap();
        let pay = settings.providers.wechat_pay.general.unwrap();
        assert_eq!(pay.fetch_certificates, fetched, "{variables:?}");
        assert_eq!(pay.keys.get(&platform_serial(), NOW).is_some(), known, "{variables:?}");
    }
}

#[test]
fn the_merchants_own_certificate_is_known_by_its_serial_too() {
    let toml = format!("{}{}", keys(), wechat_pay());
    let variables = [
        ("ONECARD__WECHAT_PAY__MERCHANT_SERIAL_NO", &*platform_serial().to_lowercase()),
        ("ONECARD__WECHAT_PAY__PLATFORM_CERTIFICATE_FILES", "{dir}/certificate.pem"),
    ];
    let error = Fixture::new().load(&toml, &variables).unwrap_err();
    assert_told(&error, "wechat_pay.platform_certificate_files[0]", "not the merchant's own");
}

#[test]
fn the_keys_of_an_application_of_alipay_are_read_in_every_form() {
    let fixture = Fixture::new();
    for private in ["app-pkcs1.pem", "app-pkcs8.pem", "app-pkcs1.txt", "app-pkcs8.txt"] {
        for public in ["alipay-public.pem", "alipay-public.txt"] {
            let toml = format!("{}{}", keys(), alipay());
            let toml = toml.replace("app-pkcs1.txt", private).replace("alipay-public.txt", public);
            let settings = fixture.load(&toml, &[]).unwrap().providers.alipay.general.unwrap();
            let url = settings.gateway_url.as_str();
            assert_eq!(url, "https://openapi.alipay.com/gateway.do");
            assert_eq!(settings.bill_hosts, ["dwbillcenter.alipay.com"]);
            assert!(settings.content_key.is_none() && settings.trust.numbers.is_none());
        }
    }
}

/// A school in certificate mode below a general application in public key mode.
#[test]
fn alipay_has_a_public_key_or_certificates() {
    let certificates = "[school.xnec.alipay]\nseller_id = \"2088000000000012\"\n\
         alipay_public_key_file = \"\"\napp_cert_file = \"{dir}/app.crt\"\n\
         alipay_cert_file = \"{dir}/alipay.crt\"\nalipay_root_cert_file = \"{dir}/root.crt\"\n\
         encrypt_key = \"AAECAwQFBgcICQoLDA0ODw==\"\napp_auth_token = \"hush\"\n";
    let toml = format!("{}{}{certificates}", keys(), alipay());
    let fixture = Fixture::new();
    let settings = fixture.load(&toml, &[]).unwrap();
    let own = settings.providers.alipay.of("xnec").unwrap();
    let numbers = own.trust.numbers.as_ref().unwrap();
    assert_eq!(numbers.app, "9ced7a6525ee6c3d36a3c3bf4bf203ec");
    assert_eq!(numbers.alipay, "fc426fc0ad5218daed7ce4e9a76dbae1");
    assert!(numbers.root.starts_with("687b59193f3f462dd5336e5abf83c5d8_"));
    assert!(own.content_key.is_some());
    assert!(settings.providers.alipay.of("other").unwrap().trust.numbers.is_none());

    let bad = [
        ("ALIPAY_PUBLIC_KEY_FILE", "{dir}/alipay-public.pem", "alipay_public_key_file", "left out"),
        ("APP_CERT_FILE", "", "app_cert_file", "missing"),
        ("ALIPAY_CERT_FILE", "", "alipay_cert_file", "missing"),
        ("ALIPAY_ROOT_CERT_FILE", "", "alipay_root_cert_file", "missing"),
        ("APP_CERT_FILE", "{dir}/alipay.crt", "app_cert_file", "certificate of the key"),
        (
            "ALIPAY_CERT_FILE",
            "{dir}/app.crt",
            "alipay_cert_file",
            "is the application's own public key, pasted in place of Alipay's",
        ),
        ("ALIPAY_ROOT_CERT_FILE", "{dir}/no-rsa-root.crt", "alipay_root_cert_file", "with RSA"),
        ("ALIPAY_ROOT_CERT_FILE", "{dir}/no-certificate.pem", "alipay_root_cert_file", "X.509"),
    ];
    for (variable, value, key, message) in bad {
        let variable = format!("ONECARD__SCHOOL__XNEC__ALIPAY__{variable}");
        let error = fixture.load(&toml, &[(&variable, value)]).unwrap_err();
        assert_told(&error, &format!("school.xnec.alipay.{key}"), message);
        assert_eq!(error.problems().len(), 1, "{variable}={value}: {error}");
    }
    let printed = format!("{settings:?}");
    assert!(!printed.contains("hush") && !printed.contains("AAEC"), "{printed}");
}

/// A general setting that one school overrides and another turns off.
#[test]
fn schools_choose_what_they_tell() {
    let toml = "[wechat]\napp_id = \"wx01\"\napp_secret = \"hush\"\nshipping_information = true\n\
        credited_template_id = \"t1\"\n\
        credited_fields = [\"amount1=amount\", \"time2 = time\"]\n\
        [school.xnec.wechat]\ncredited_template_id = \"\"\nshipping_information = false\n\
        [school.ynart.wechat]\nrefunded_template_id = \"t2\"\n\
        refunded_fields = [\"character_string1=number\"]\nmessage_state = \"trial\"\n";
    let (fixture, toml) = (Fixture::new(), format!("{}{toml}", keys()));
    let wechat = fixture.load(&toml, &[]).unwrap().providers.wechat;
    let told = |school: &str| {
        let messages = &wechat.of(school).unwrap().messages;
        let id = |template: &Option<MessageTemplate>| template.as_ref().map(|t| t.id.clone());
        let Templates { credited, refunded } = &messages.templates;
        (id(credited), id(refunded), messages.state.code(), messages.shipping)
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(told("other"), (text("t1"), None, "formal", true));
    assert_eq!(told("xnec"), (None, None, "formal", false));
    assert_eq!(told("ynart"), (text("t1"), text("t2"), "trial", true));

    for bad in ["amount1", "amount1=name", "amount1=time", "keyword1=amount", "a1=amount,a1=amount"]
    {
        let error = fixture.load(&toml, &[("ONECARD__WECHAT__CREDITED_FIELDS", bad)]).unwrap_err();
        assert_told(&error, "wechat.credited_fields", "KEY=WHAT");
    }
}

#[test]
fn sections_that_nothing_reads_yet_are_accepted() {
    let sections = "[sms]\nsign_name = \"x\"\n\
        [bank]\nmerchant_id = \"x\"\n[utilities]\nkey_id = \"x\"\n\
        [network]\nkey_id = \"x\"\n[mail]\nsmtp_url = \"smtps://mail.cn\"\n[sso]\nissuer = \"x\"\n\
        [school.xnec.sso]\nissuer = \"y\"\n";
    Fixture::new().load(&format!("{}{sections}", keys()), &[]).unwrap();
}

#[test]
fn nothing_secret_is_printed() {
    let toml = format!(
        "{}{}{}[redis]\nurl = \"redis://:redis-hush@127.0.0.1/0\"\n\
         [database]\nurl = \"postgres://u:db-hush@localhost/d\"\n",
        keys(),
        wechat(),
        wechat_pay()
    );
    let settings = Fixture::new().load(&toml, &[]).unwrap();
    let printed = format!("{settings:?} {settings:#?}");
    for secret in ["hush", "AAEC", V3_KEY, "BEGIN PRIVATE", "48, 49, 50", "0, 1, 2, 3"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
    assert!(printed.contains("1900000001"));
}

#[test]
fn errors_do_not_repeat_values() {
    let fixture = Fixture::new();
    let unclosed = format!("{}[wechat]\napp_secret = \"app-hush\n", keys());
    let error = fixture.load(&unclosed, &[]).unwrap_err();
    assert!(error.to_string().contains("at line 7"), "{error}");
    assert!(!error.to_string().contains("hush"), "{error}");

    let wrong = [
        ("ONECARD__KEYS__MASTER", "key-hush"),
        ("ONECARD__KEYS__DATA__PREVIOUS", "prev-hush"),
        ("ONECARD__DATABASE__URL", "mysql://u:db-hush@h/d"),
        ("ONECARD__REDIS__URL", "rediss//:redis-hush@h"),
        ("ONECARD__WECHAT_PAY__API_V3_KEY", "v3-hush"),
        // Pasted in place of its file's name.
        ("ONECARD__WECHAT_PAY__MERCHANT_PRIVATE_KEY_FILE", "pem-hush"),
    ];
    let error = fixture.load(&keys(), &wrong).unwrap_err();
    assert!(error.problems().len() >= 5, "{error}");
    assert!(!error.to_string().contains("hush"), "{error}");
}

#[test]
fn every_problem_is_told_at_once() {
    let toml =
        "[server]\nlisten = \"here\"\nlistn = \"there\"\n[wechat]\n[wechat_pay]\nmch_id = 7\n";
    let error = Fixture::new().load(toml, &[]).unwrap_err();
    let told: Vec<&str> = error.problems().iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(
        told,
        [
            "keys.data",
            "keys.index",
            "keys.jwt",
            "keys.master",
            "server.listen",
            "server.listn",
            "wechat.app_id",
            "wechat.app_secret",
            "wechat_pay.api_v3_key",
            "wechat_pay.mch_id",
            "wechat_pay.merchant_private_key_file",
            "wechat_pay.merchant_serial_no",
            "wechat_pay.public_key_id",
        ]
    );
    assert_eq!(error.to_string().lines().count(), 1 + told.len());
}

#[test]
fn several_mistakes_of_providers_are_told_at_once_and_never_their_values() {
    let toml = format!(
        "{}[wechat]\napp_id = \"hush app\"\napp_secret = \"s\"\n\
         [wechat_pay]\nbase_url = \"https://a.cn/hush\"\nmch_id = \"hush\"\n\
         merchant_serial_no = \"hush\"\nmerchant_private_key_file = \"{{dir}}/private.pem\"\n\
         api_v3_key = \"hush\"\npublic_key_id = \"PUB_KEY_ID_hush 1\"\n\
         public_key_file = \"{{dir}}/own-public.pem\"\n\
         platform_certificate_files = [\"{{dir}}/own-certificate.pem\", \
         \"{{dir}}/no-certificate.pem\"]\nmchid = \"hush\"\n\
         [alipay]\ngateway_url = \"hush\"\n\
         [school.xnec.wechat_pay]\nmch_id = \"hush\"\n\
         merchant_private_key_file = \"{{dir}}/no-private.pem\"\n\
         [school.hbkj.wechat]\napp_secret = \"\"\n",
        keys()
    );
    let error = Fixture::new().load(&toml, &[]).unwrap_err();
    let told: Vec<&str> = error.problems().iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(
        told,
        [
            "alipay.alipay_public_key_file",
            "alipay.app_id",
            "alipay.app_private_key_file",
            "alipay.gateway_url",
            "alipay.seller_id",
            "school.hbkj.wechat.app_secret",
            "school.xnec.wechat_pay.mch_id",
            "school.xnec.wechat_pay.merchant_private_key_file",
            "wechat.app_id",
            "wechat_pay.api_v3_key",
            "wechat_pay.base_url",
            "wechat_pay.mch_id",
            "wechat_pay.mchid",
            "wechat_pay.merchant_serial_no",
            "wechat_pay.platform_certificate_files[0]",
            "wechat_pay.platform_certificate_files[1]",
            "wechat_pay.public_key_file",
            "wechat_pay.public_key_id",
        ]
    );
    assert!(!error.to_string().contains("hush"), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let missing = Path::new("/nonexistent/onecard.toml");
    let error = Settings::load(Some(missing), std::iter::empty()).unwrap_err();
    assert_told(&error, "/nonexistent/onecard.toml", "cannot be read");
    let error = Settings::load(None, std::iter::empty()).unwrap_err();
    assert_told(&error, "keys.master", "openssl rand -base64 32");
}

fn assert_told(error: &ConfigError, key: &str, message: &str) {
    let told = error
        .problems()
        .iter()
        .any(|problem| problem.key == key && problem.message.contains(message));
    assert!(told, "no \"{key}: {message}\" in {error}");
}

/// Variables laid over a good configuration, and the one problem that they make.
type Bad = (&'static str, &'static str, &'static str, &'static str);

const BAD_ANYWHERE: &[Bad] = &[
    ("ENVIRONMENT", "staging", "environment", "\"sandbox\" or \"production\""),
    ("SERVER", "x", "server", "section"),
    ("SERVER__LISTN", "x", "server.listn", "not a known key"),
    ("SERVERS__LISTEN", "x", "servers", "not a known key"),
    ("SERVER__LISTEN", "localhost:8080", "server.listen", "IP address and a port"),
    ("SERVER__LISTEN", "127.0.0.1:65536", "server.listen", "IP address and a port"),
    ("SERVER__METRICS_LISTEN", "9090", "server.metrics_listen", "IP address and a port"),
    ("SERVER__METRICS_LISTEN", "127.0.0.1:8080", "server.metrics_listen", "same as server.listen"),
    ("SERVER__PUBLIC_URL", "card.example.edu.cn", "server.public_url", "address such as"),
    ("SERVER__PUBLIC_URL", "http://card.example.edu.cn", "server.public_url", "must be https"),
    ("SERVER__PUBLIC_URL", "ftp://card.example.edu.cn", "server.public_url", "must be https"),
    ("SERVER__PUBLIC_URL", "https://a.cn/card", "server.public_url", "path"),
    ("SERVER__PUBLIC_URL", "https://a.cn?x=1", "server.public_url", "query"),
    ("SERVER__PUBLIC_URL", "https://u:p@a.cn", "server.public_url", "password"),
    ("SERVER__TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/40", "server.trusted_proxies[1]", "prefix"),
    ("SERVER__AUTHORITIES", "a.cn/b", "server.authorities[0]", "host:port"),
    ("SERVER__WORKERS", "0", "server.workers", "from 1 to 64"),
    ("SERVER__WORKERS", "many", "server.workers", "from 1 to 64"),
    ("SERVER__MAX_CONNECTIONS", "15", "server.max_connections", "from 16 to 60000"),
    ("DATABASE__URL", "mysql://h/d", "database.url", "sqlite:// or postgres://"),
    ("DATABASE__URL", "postgres:// h/d", "database.url", "sqlite:// or postgres://"),
    ("DATABASE__MAX_CONNECTIONS", "-1", "database.max_connections", "from 1 to 1000"),
    ("DATABASE__AUTO_MIGRATE", "yes", "database.auto_migrate", "true or false"),
    ("REDIS__URL", "127.0.0.1:6379", "redis.url", "redis://"),
    ("LEDGER__LANES", "65", "ledger.lanes", "from 1 to 64"),
    ("PAYMENTS__FIRST_LOOK_MS", "0", "payments.first_look_ms", "from 1 to 60000"),
    ("PAYMENTS__MOST_OPEN_ORDERS", "0", "payments.most_open_orders", "from 1 to 10000"),
    ("TELEMETRY__LOG", "info,=!", "telemetry.log", "level"),
    ("TELEMETRY__FORMAT", "xml", "telemetry.format", "\"json\" or \"text\""),
    ("TELEMETRY__OTLP_ENDPOINT", "collector", "telemetry.otlp_endpoint", "http"),
    ("KEYS__MASTER", "", "keys.master", "missing"),
    ("KEYS__DATA", "AAEC", "keys.data", "base64:"),
    ("KEYS__INDEX", "base64:%%", "keys.index", "not valid base64"),
    ("KEYS__JWT", "base64:AAECAw==", "keys.jwt", "32 bytes, not 4"),
    ("KEYS__HEAD", "AAEC", "keys.head", "base64:"),
    ("KEYS__MAC", "base64:AAECAw==", "keys.mac", "32 bytes, not 4"),
    ("LEDGER__TRUSTED_HEADS", "ab=1", "ledger.trusted_heads[0]", "64 hex digits"),
    ("KEYS__TOTP", KEY, "keys.totp", "not a known key"),
    ("WECHAT__APP_ID", "", "wechat.app_id", "missing"),
    ("WECHAT__APP_SECRET", "", "wechat.app_secret", "missing"),
    ("WECHAT__API_BASE_URL", "http://10.0.0.1", "wechat.api_base_url", "must be https"),
    ("WECHAT__API_BASE_URL", "https://a.cn/sns", "wechat.api_base_url", "path"),
    ("WECHAT__APP_ID", "wx 1", "wechat.app_id", "letters and digits"),
    ("WECHAT_PAY__BASE_URL", "nowhere", "wechat_pay.base_url", "address such as"),
    ("WECHAT_PAY__BASE_URL", "http://api.mch.weixin.qq.com", "wechat_pay.base_url", "https"),
    ("WECHAT_PAY__BASE_URL", "https://a.cn/v3", "wechat_pay.base_url", "path"),
    ("WECHAT_PAY__MCH_ID", "19a", "wechat_pay.mch_id", "number"),
    ("WECHAT_PAY__MCH_ID", "1900000001\n", "wechat_pay.mch_id", "number"),
    ("WECHAT_PAY__MERCHANT_SERIAL_NO", "", "wechat_pay.merchant_serial_no", "missing"),
    ("WECHAT_PAY__MERCHANT_SERIAL_NO", "PUB_1", "wechat_pay.merchant_serial_no", "hex digits"),
    (
        "WECHAT_PAY__MERCHANT_PRIVATE_KEY_FILE",
        "",
        "wechat_pay.merchant_private_key_file",
        "missing",
    ),
    (
        "WECHAT_PAY__MERCHANT_PRIVATE_KEY_FILE",
        "{dir}/no.pem",
        "wechat_pay.merchant_private_key_file",
        "cannot be read",
    ),
    (
        "WECHAT_PAY__MERCHANT_PRIVATE_KEY_FILE",
        "{dir}/public.pem",
        "wechat_pay.merchant_private_key_file",
        "private key",
    ),
    (
        "WECHAT_PAY__MERCHANT_PRIVATE_KEY_FILE",
        "{dir}/endless.pem",
        "wechat_pay.merchant_private_key_file",
        "longer than",
    ),
    (
        "WECHAT_PAY__MERCHANT_PRIVATE_KEY_FILE",
        "/dev/zero",
        "wechat_pay.merchant_private_key_file",
        "longer than",
    ),
    (
        "WECHAT_PAY__MERCHANT_PRIVATE_KEY_FILE",
        "{dir}/no-private.pem",
        "wechat_pay.merchant_private_key_file",
        "RSA key of at least 2048 bits",
    ),
    ("WECHAT_PAY__API_V3_KEY", "short", "wechat_pay.api_v3_key", "exactly 32 bytes, not 5"),
    (
        "WECHAT_PAY__API_V3_KEY",
        "0123456789abcdef0123456789abcdefg",
        "wechat_pay.api_v3_key",
        "exactly 32 bytes, not 33",
    ),
    ("WECHAT_PAY__PUBLIC_KEY_ID", "", "wechat_pay.public_key_id", "missing"),
    ("WECHAT_PAY__PUBLIC_KEY_ID", "3775B6A4", "wechat_pay.public_key_id", "PUB_KEY_ID_"),
    ("WECHAT_PAY__PUBLIC_KEY_ID", "PUB_KEY_ID_", "wechat_pay.public_key_id", "PUB_KEY_ID_"),
    ("WECHAT_PAY__PUBLIC_KEY_ID", "PUB_KEY_ID_0 1", "wechat_pay.public_key_id", "letters"),
    ("WECHAT_PAY__PUBLIC_KEY_FILE", "", "wechat_pay.public_key_file", "missing"),
    (
        "WECHAT_PAY__PUBLIC_KEY_FILE",
        "{dir}/private.pem",
        "wechat_pay.public_key_file",
        "public key",
    ),
    (
        "WECHAT_PAY__PUBLIC_KEY_FILE",
        "{dir}/no-public.pem",
        "wechat_pay.public_key_file",
        "-----BEGIN PUBLIC KEY-----",
    ),
    (
        "WECHAT_PAY__PUBLIC_KEY_FILE",
        "{dir}/certificate.pem",
        "wechat_pay.public_key_file",
        "public key",
    ),
    (
        "WECHAT_PAY__PUBLIC_KEY_FILE",
        "{dir}/own-public.pem",
        "wechat_pay.public_key_file",
        "not the merchant's own",
    ),
    (
        "WECHAT_PAY__PLATFORM_CERTIFICATE_FILES",
        "{dir}/certificate.pem,{dir}/no-certificate.pem",
        "wechat_pay.platform_certificate_files[1]",
        "X.509",
    ),
    (
        "WECHAT_PAY__PLATFORM_CERTIFICATE_FILES",
        "{dir}/own-certificate.pem",
        "wechat_pay.platform_certificate_files[0]",
        "not the merchant's own",
    ),
    (
        "WECHAT_PAY__PLATFORM_CERTIFICATE_FILES",
        "{dir}/public.pem",
        "wechat_pay.platform_certificate_files[0]",
        "certificate",
    ),
    (
        "WECHAT_PAY__FETCH_PLATFORM_CERTIFICATES",
        "perhaps",
        "wechat_pay.fetch_platform_certificates",
        "true or false",
    ),
    ("WECHAT_PAY__SUB_MCH_ID", "42", "wechat_pay.sub_mch_id", "left out"),
    ("WECHAT_PAY__BILL_HOSTS", "https://a.cn", "wechat_pay.bill_hosts[0]", "host:port"),
    ("ALIPAY__APPID", "x", "alipay.appid", "not a known key"),
    ("ALIPAY__GATEWAY_URL", "http://a.cn/gateway.do", "alipay.gateway_url", "must be https"),
    ("ALIPAY__GATEWAY_URL", "https://a.cn", "alipay.gateway_url", "whole address"),
    ("ALIPAY__APP_ID", "", "alipay.app_id", "missing"),
    ("ALIPAY__APP_ID", "202100000000001", "alipay.app_id", "16 digits"),
    ("ALIPAY__APP_ID", "2021000000000001 ", "alipay.app_id", "16 digits"),
    ("ALIPAY__SELLER_ID", "", "alipay.seller_id", "missing"),
    ("ALIPAY__SELLER_ID", "2021000000000001", "alipay.seller_id", "2088"),
    ("ALIPAY__APP_PRIVATE_KEY_FILE", "", "alipay.app_private_key_file", "missing"),
    ("ALIPAY__APP_PRIVATE_KEY_FILE", "{dir}/no", "alipay.app_private_key_file", "cannot be read"),
    (
        "ALIPAY__APP_PRIVATE_KEY_FILE",
        "{dir}/app-public.pem",
        "alipay.app_private_key_file",
        "private key, PKCS#1 or PKCS#8",
    ),
    ("ALIPAY__ALIPAY_PUBLIC_KEY_FILE", "", "alipay.alipay_public_key_file", "missing"),
    (
        "ALIPAY__ALIPAY_PUBLIC_KEY_FILE",
        "{dir}/alipay.crt",
        "alipay.alipay_public_key_file",
        "not a certificate",
    ),
    (
        "ALIPAY__ALIPAY_PUBLIC_KEY_FILE",
        "{dir}/app-public.pem",
        "alipay.alipay_public_key_file",
        "is the application's own public key, pasted in place of Alipay's",
    ),
    (
        "ALIPAY__ALIPAY_PUBLIC_KEY_FILE",
        "{dir}/app-public.txt",
        "alipay.alipay_public_key_file",
        "is the application's own public key, pasted in place of Alipay's",
    ),
    ("ALIPAY__ENCRYPT_KEY", "AAECAwQ=", "alipay.encrypt_key", "base64 of 16 bytes"),
    ("ALIPAY__BILL_HOSTS", "https://a.cn", "alipay.bill_hosts[0]", "host:port"),
    ("SCHOOL__XNEC__ALIPAY__APP_ID", "x", "school.xnec.alipay.app_id", "16 digits"),
    ("SCHOOL__XNEC__WECHAT__APPID", "x", "school.xnec.wechat.appid", "not a known key"),
    ("SCHOOL__XNEC__WECHAT__APP_SECRET", "", "school.xnec.wechat.app_secret", "missing"),
    ("WECHAT__CREDITED_TEMPLATE_ID", "a b", "wechat.credited_template_id", "id of a template"),
    ("WECHAT__CREDITED_TEMPLATE_ID", "t1", "wechat.credited_fields", "missing"),
    ("WECHAT__REFUNDED_TEMPLATE_ID", "t1", "wechat.refunded_fields", "missing"),
    ("WECHAT__MESSAGE_STATE", "released", "wechat.message_state", "\"formal\""),
    ("WECHAT__SHIPPING_INFORMATION", "yes", "wechat.shipping_information", "true or false"),
    ("ALIPAY__CREDITED_TEMPLATE_ID", "t1", "alipay.credited_fields", "missing"),
    ("ALIPAY__SHIPPING_INFORMATION", "true", "alipay.shipping_information", "not a known key"),
    ("LOCKS__KEY", "x", "locks.key", "not a known key"),
    ("LOCKS__KEY_ID", "a/b", "locks.key_id", "1 to 64 of"),
    ("LOCKS__BASE_URL", "", "locks.base_url", "missing"),
    ("LOCKS__KEY_SECRET", "", "locks.key_secret", "missing"),
    ("LOCKS__KEY_SECRET", "too short", "locks.key_secret", "32 to 256 characters"),
    ("LOCKS__BASE_URL", "http://locks.cn", "locks.base_url", "must be https"),
    ("SCHOOL__XNEC__LOCKS__KEY_ID", "a b", "school.xnec.locks.key_id", "1 to 64 of"),
    ("UTILITIES__KEY", "x", "utilities.key", "not a known key"),
    ("MAIL__PORT", "x", "mail.port", "not a known key"),
    ("SCHOOL__XNEC__SMS__PROVIDER", "x", "school.xnec.sms", "not a known key"),
    ("SCHOOL__XNEC__MAIL__FROM", "x", "school.xnec.mail", "not a known key"),
    ("SCHOOL__XNEC__WECHAT_PAY__MCH_ID", "19a", "school.xnec.wechat_pay.mch_id", "number"),
    ("SCHOOL__XN_EC__WECHAT__APP_ID", "x", "school.xn_ec", "a-z and 0-9"),
];

const BAD_IN_PRODUCTION: &[Bad] = &[
    ("SERVER__PUBLIC_URL", "", "server.public_url", "missing"),
    ("SERVER__PUBLIC_URL", "http://card.example.edu.cn", "server.public_url", "must be https"),
    ("SERVER__PUBLIC_URL", "https://localhost", "server.public_url", "sandbox address"),
    ("WECHAT__API_BASE_URL", "http://127.0.0.1:8090", "wechat.api_base_url", "sandbox address"),
    ("WECHAT__API_BASE_URL", "https://[::1]", "wechat.api_base_url", "sandbox address"),
    ("WECHAT__APP_SECRET", "sandbox-secret", "wechat.app_secret", "sandbox key"),
    ("WECHAT_PAY__BASE_URL", "https://localhost:8090", "wechat_pay.base_url", "sandbox address"),
    ("WECHAT_PAY__BILL_HOSTS", "127.0.0.1:8090", "wechat_pay.bill_hosts[0]", "not this machine"),
    (
        "WECHAT_PAY__API_V3_KEY",
        "sandbox-89abcdef0123456789abcdef",
        "wechat_pay.api_v3_key",
        "sandbox key",
    ),
    (
        "WECHAT_PAY__MERCHANT_PRIVATE_KEY_FILE",
        "{dir}/throwaway.pem",
        "wechat_pay.merchant_private_key_file",
        "sandbox key",
    ),
    (
        "WECHAT_PAY__PUBLIC_KEY_FILE",
        "{dir}/throwaway-public.pem",
        "wechat_pay.public_key_file",
        "sandbox key",
    ),
    (
        "SCHOOL__XNEC__WECHAT_PAY__BASE_URL",
        "http://127.0.0.1:8090",
        "school.xnec.wechat_pay.base_url",
        "sandbox address",
    ),
    (
        "ALIPAY__GATEWAY_URL",
        "https://localhost/gateway.do",
        "alipay.gateway_url",
        "sandbox address",
    ),
    (
        "ALIPAY__APP_PRIVATE_KEY_FILE",
        "{dir}/app-throwaway.pem",
        "alipay.app_private_key_file",
        "sandbox key",
    ),
    (
        "ALIPAY__ALIPAY_PUBLIC_KEY_FILE",
        "{dir}/alipay-throwaway.pem",
        "alipay.alipay_public_key_file",
        "sandbox key",
    ),
    ("ALIPAY__ENCRYPT_KEY", "sandboxsandboxsandboxg==", "alipay.encrypt_key", "sandbox key"),
    ("ALIPAY__APP_AUTH_TOKEN", "sandbox-token", "alipay.app_auth_token", "sandbox key"),
    ("ALIPAY__BILL_HOSTS", "127.0.0.1:8090", "alipay.bill_hosts[0]", "not this machine"),
    ("BANK__BASE_URL", "http://127.0.0.1:8090", "bank.base_url", "sandbox address"),
    ("PAYMENTS__FIRST_LOOK_MS", "1999", "payments.first_look_ms", "from 2000 to 60000"),
];

const LOCKS: &str = "[locks]\nbase_url = \"https://locks.cn\"\nkey_id = \"k1\"\n\
    key_secret = \"0123456789abcdef0123456789abcdef\"\n";

#[test]
fn each_bad_setting_is_the_one_that_is_told() {
    let good = format!("{}{}{}{}{LOCKS}", keys(), wechat(), wechat_pay(), alipay());
    for (head, table) in [(String::new(), BAD_ANYWHERE), (production(), BAD_IN_PRODUCTION)] {
        let fixture = Fixture::new();
        let toml = format!("{head}{good}");
        assert!(fixture.load(&toml, &[]).is_ok());
        for (variable, value, key, message) in table {
            let variable = format!("ONECARD__{variable}");
            let Err(error) = fixture.load(&toml, &[(&variable, value)]) else {
                panic!("{variable}={value} was accepted");
            };
            assert_told(&error, key, message);
            assert_eq!(error.problems().len(), 1, "{variable}={value}: {error}");
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn wrong_types_and_broken_rings_in_the_file_are_told() {
    let ring = |ring: &str| keys().replace(&format!("data = \"{KEY}\""), &format!("data = {ring}"));
    let with = |tail: &str| format!("{}{tail}", keys());
    let wecom = |corp: &str, agent: &str, secret: &str| {
        with(&format!("[wecom]\ncorp_id = \"{corp}\"\nagent_id = {agent}\nsecret = {secret}\n"))
    };
    let good = format!("key = \"{KEY}\"");
    let cases = [
        (with("[server]\nlisten = 8080\n"), "server.listen", "must be a text"),
        (with("[server]\nworkers = \"2\"\n"), "server.workers", "from 1 to 64"),
        (with("[server]\nworkers = 2.5\n"), "server.workers", "from 1 to 64"),
        (
            with("[server]\ntrusted_proxies = \"10.0.0.1\"\n"),
            "server.trusted_proxies",
            "must be a list",
        ),
        (with("[server]\ntrusted_proxies = [7]\n"), "server.trusted_proxies[0]", "must be a text"),
        (with("[database]\nauto_migrate = \"true\"\n"), "database.auto_migrate", "true or false"),
        (with("[school]\nxnec = 1\n"), "school.xnec", "must be a section"),
        (wecom("w", "\"1\"", "[]"), "wecom.secret", "must be a text"),
        (wecom("", "\"1\"", "\"x\""), "wecom.corp_id", "missing"),
        (wecom("w", "\"\"", "\"x\""), "wecom.agent_id", "missing"),
        (wecom("w", "\"1\"", "\"\""), "wecom.secret", "missing"),
        (wecom("w-1", "\"1\"", "\"x\""), "wecom.corp_id", "letters and digits"),
        (wecom("w", "\"one\"", "\"x\""), "wecom.agent_id", "digits"),
        (ring("7"), "keys.data", "must be \"base64:…\" or {"),
        (ring("{ id = \"k2\" }"), "keys.data.key", "missing"),
        (ring(&format!("{{ {good} }}")), "keys.data.id", "missing"),
        (ring(&format!("{{ id = \"K 2\", {good} }}")), "keys.data.id", "characters"),
        (ring(&format!("{{ id = \"k2\", {good}, old = [] }}")), "keys.data.old", "not a known key"),
        (
            ring(&format!("{{ id = \"k2\", {good}, previous = [{{ id = \"k2\", {good} }}] }}")),
            "keys.data",
            "same id",
        ),
        (
            ring(&format!("{{ id = \"k2\", {good}, previous = [{{ id = \"k1\" }}] }}")),
            "keys.data.previous[0].key",
            "missing",
        ),
        (
            ring(&format!("{{ id = \"k2\", {good}, previous = [\"k1\"] }}")),
            "keys.data.previous[0]",
            "id=base64:",
        ),
        (
            format!("{}{}", production(), ring(&format!("{{ id = \"sandbox-1\", {good} }}"))),
            "keys.data.id",
            "sandbox key",
        ),
    ];
    let fixture = Fixture::new();
    for (toml, key, message) in cases {
        let error = fixture.load(&toml, &[]).unwrap_err();
        assert_told(&error, key, message);
        assert_eq!(error.problems().len(), 1, "{error}");
    }
}

#[test]
fn the_example_loads_once_its_secrets_are_filled_in() {
    let example = include_str!("../onecard.example.toml");
    let filled = [
        ("ONECARD__KEYS__MASTER", KEY),
        ("ONECARD__KEYS__DATA", KEY),
        ("ONECARD__KEYS__INDEX", KEY),
        ("ONECARD__KEYS__JWT", KEY),
        ("ONECARD__WECHAT__APP_ID", "wx01"),
        ("ONECARD__WECHAT__APP_SECRET", "hush"),
        ("ONECARD__WECHAT_PAY__MCH_ID", "1900000001"),
        ("ONECARD__WECHAT_PAY__MERCHANT_SERIAL_NO", "3775"),
        ("ONECARD__WECHAT_PAY__MERCHANT_PRIVATE_KEY_FILE", "{dir}/private.pem"),
        ("ONECARD__WECHAT_PAY__API_V3_KEY", V3_KEY),
        ("ONECARD__WECHAT_PAY__PUBLIC_KEY_ID", "PUB_KEY_ID_01"),
        ("ONECARD__WECHAT_PAY__PUBLIC_KEY_FILE", "{dir}/public.pem"),
        ("ONECARD__ALIPAY__APP_ID", "2021000000000001"),
        ("ONECARD__ALIPAY__SELLER_ID", "2088000000000011"),
        ("ONECARD__ALIPAY__APP_PRIVATE_KEY_FILE", "{dir}/app-pkcs8.pem"),
        ("ONECARD__ALIPAY__ALIPAY_PUBLIC_KEY_FILE", "{dir}/alipay-public.pem"),
    ];
    let fixture = Fixture::new();
    let settings = fixture.load(example, &filled).unwrap();
    assert_eq!(settings.config.environment, Environment::Production);
    for (n, (name, _)) in filled.iter().enumerate() {
        let mut all_but_one = filled.to_vec();
        all_but_one.remove(n);
        let error = fixture.load(example, &all_but_one).unwrap_err();
        let key = name.trim_start_matches("ONECARD__").replace("__", ".").to_lowercase();
        assert_told(&error, &key, "missing");
    }
}
