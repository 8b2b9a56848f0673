//! A payment provider or platform is named where it is spoken to, and in few other places.

use crate::{
    exceptions::{Exception, Exceptions, except},
    source::Source,
};
use std::collections::BTreeSet;

/// What the checked providers are called, in identifiers and texts, in small letters.
const NAMES: [&str; 4] = ["wechat", "微信", "alipay", "支付宝"];

/// Where a provider may be named freely.
const HOME: [&str; 3] = ["src/payments/callback", "src/providers/", "src/wiring/"];

/// Identifiers and texts with a provider's name in other places.
const NAMED: &[Exception] = &[
    // The enums of platforms and providers, and the codes that are stored for them.
    except(
        "src/sessions/mod.rs",
        &["Alipay", "Wechat", "alipay", "wechat"],
        "the enum of platforms",
    ),
    except(
        "src/passcode/device.rs",
        &["Alipay", "Wechat", "alipay", "wechat"],
        "a phone's platform, as stored",
    ),
    except(
        "src/orders/fact.rs",
        &["Alipay", "WechatPay", "alipay", "wechat_pay"],
        "the enum of providers",
    ),
    except(
        "src/passcode/prefixes.rs",
        &["Alipay", "WeChatPay", "微信支付", "支付宝"],
        "whose payment codes start so",
    ),
    except(
        "src/console/words.rs",
        &[
            "Alipay",
            "Wechat",
            "WechatPay",
            "alipay",
            "wechat",
            "wechat_pay",
            "企业微信",
            "微信",
            "微信支付",
            "微信登录",
            "支付宝",
        ],
        "what staff call the providers and platforms",
    ),
    except(
        "src/console/audit/words.rs",
        &["关联企业微信", "用企业微信登录", "解除企业微信关联"],
        "what members of staff did",
    ),
    // What the client sends and must be told.
    except("src/payments/gateway.rs", &["Alipay", "WechatPay"], "what the client needs to pay"),
    except(
        "src/payments/http.rs",
        &["Alipay", "WechatPay"],
        "how an order is paid, as the client names it",
    ),
    except(
        "src/routes/client.rs",
        &[
            "/sandbox/alipay/cashier",
            "/sandbox/alipay/sign-in",
            "/sandbox/wechat-pay/cashier",
            "/sandbox/wechat/sign-in",
            "alipay",
            "wechat",
            "wechat_pay",
        ],
        "the client's configuration",
    ),
    except(
        "src/identity/http/auth.rs",
        &[
            "/api/v1/auth/alipay/login",
            "/api/v1/auth/wechat/login",
            "Alipay",
            "Wechat",
            "alipay_login",
            "wechat_login",
        ],
        "the paths of the contract",
    ),
    except(
        "src/identity/http/mod.rs",
        &["alipay_login", "wechat_login"],
        "mounts the paths of the contract",
    ),
    except(
        "src/overview/entry.rs",
        &[
            "clearing/alipay",
            "clearing/wechat_pay",
            "微信充值",
            "退回微信",
            "支付宝充值",
            "退回支付宝",
        ],
        "labels",
    ),
    except(
        "src/sessions/notices.rs",
        &["Alipay", "Wechat", "微信小程序", "支付宝小程序"],
        "what a platform is called",
    ),
];

/// Complaints about identifiers and texts that name a provider elsewhere.
fn complaints(sources: &[&Source], named: &[Exception]) -> Vec<String> {
    let mut named = Exceptions::new(named);
    let mut complaints = BTreeSet::new();
    let away = |source: &&&Source| !HOME.iter().any(|home| source.path.starts_with(home));
    for source in sources.iter().filter(away) {
        let texts = source.literals.iter().map(|literal| literal.text.as_str());
        let words = source.words.iter().map(String::as_str).chain(texts);
        for word in words.filter(|word| names_provider(word)) {
            if !named.allow(&source.path, word) {
                complaints.insert(format!("{}: {word}", source.path));
            }
        }
    }
    complaints.into_iter().chain(named.complaints()).collect()
}

fn names_provider(word: &str) -> bool {
    let word = word.to_lowercase().replace('_', "");
    NAMES.iter().any(|name| word.contains(name))
}

#[test]
fn providers_are_named_where_they_are_spoken_to() {
    let complaints = complaints(&crate::tree::server(), NAMED);
    assert!(complaints.is_empty(), "providers by name:\n{}", complaints.join("\n"));
}

#[cfg(test)]
mod fails {
    use super::complaints;
    use crate::{exceptions::except, parse::parse};

    #[test]
    fn on_a_name_in_an_identifier_or_a_text() {
        for (text, word) in [
            ("fn sign_in_by_wechat() {}", "sign_in_by_wechat"),
            ("struct A { we_chat: u8 }", "we_chat"),
            ("fn f() { let x = Provider::WechatPay; }", "WechatPay"),
            ("fn f() { m!(WeChat::new()) }", "WeChat"),
            ("const A: &str = \"wechat_pay\";", "wechat_pay"),
            ("#[post(\"/auth/wechat\")] fn f() {}", "/auth/wechat"),
            ("fn f() { m!(\"微信充值\") }", "微信充值"),
        ] {
            let source = parse("src/topup/mod.rs", text).unwrap();
            assert_eq!(complaints(&[&source], &[]), [format!("src/topup/mod.rs: {word}")]);
        }
    }

    #[test]
    fn not_on_comments_tests_and_where_it_is_spoken_to() {
        let text =
            "/// WeChat. \n fn f() {} #[cfg(test)] mod tests { const A: &str = \"wechat\"; }";
        assert_eq!(complaints(&[&parse("src/topup/mod.rs", text).unwrap()], &[]), [""; 0]);
        for path in
            ["src/providers/wechat_pay/mod.rs", "src/wiring/mod.rs", "src/payments/callback/mod.rs"]
        {
            let source = parse(path, "use crate::providers::wechat_pay::X;").unwrap();
            assert_eq!(complaints(&[&source], &[]), [""; 0]);
        }
    }

    #[test]
    fn on_an_exception_that_nothing_needs() {
        let list = [except("src/a/mod.rs", &["Wechat"], "why")];
        let source = parse("src/a/mod.rs", "enum A { Wechat }").unwrap();
        assert_eq!(complaints(&[&source], &list), [""; 0]);
        assert_eq!(complaints(&[], &list), ["unused exception: src/a/mod.rs, Wechat"]);
    }
}
