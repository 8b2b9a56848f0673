//! The providers: general settings, and those of single schools laid over them.

use super::{
    reserved,
    section::Section,
    wechat::{self, WeChat, WeChatPay},
};
use std::collections::{BTreeMap, BTreeSet};

/// The providers of a school. `None` where one is not used.
#[derive(Clone, Debug, Default)]
pub struct Providers {
    /// `[wechat]`
    pub wechat: Option<WeChat>,
    /// `[wechat_pay]`
    pub wechat_pay: Option<WeChatPay>,
}

/// One provider's settings before they are read.
#[derive(Default)]
struct Layers<'p> {
    general: Option<Section<'p>>,
    own: BTreeMap<String, Section<'p>>,
}

/// One provider's settings, each of the schools' complete.
struct Effective<T> {
    general: Option<T>,
    own: BTreeMap<String, T>,
}

/// The general providers, and those of the schools that have settings of their own.
pub(super) fn read(root: &mut Section<'_>) -> (Providers, BTreeMap<String, Providers>) {
    let mut wechat = Layers::of(root.table("wechat"));
    let mut pay = Layers::of(root.table("wechat_pay"));
    reserved::check_general(root);

    let mut codes = BTreeSet::new();
    for (code, mut school) in root.table_or_empty("school").into_tables() {
        check_code(&school, &code);
        wechat.lay_over(&code, school.table("wechat"));
        pay.lay_over(&code, school.table("wechat_pay"));
        reserved::check_school(&mut school);
        school.finish();
        codes.insert(code);
    }

    let wechat = wechat.read(wechat::WECHAT_IDENTITY, wechat::read_wechat);
    let pay = pay.read(wechat::PAY_IDENTITY, wechat::read_wechat_pay);
    let schools = codes.into_iter().map(|code| {
        let providers = Providers { wechat: wechat.of(&code), wechat_pay: pay.of(&code) };
        (code, providers)
    });
    let schools = schools.collect();
    let general = Providers { wechat: wechat.general, wechat_pay: pay.general };
    (general, schools)
}

fn check_code(school: &Section<'_>, code: &str) {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if !code.bytes().all(plain) {
        school.report(school.path(), "a school's code is of a-z and 0-9 only");
    }
}

impl<'p> Layers<'p> {
    fn of(general: Option<Section<'p>>) -> Self {
        Self { general, own: BTreeMap::new() }
    }

    fn lay_over(&mut self, code: &str, own: Option<Section<'p>>) {
        let Some(own) = own else { return };
        let merged = match &self.general {
            Some(general) => general.overlaid(own),
            None => own,
        };
        self.own.insert(code.to_owned(), merged);
    }

    /// Reads each layer. A general section without any of the keys in `identity`, such as an
    /// address alone, may be there for the schools to complete.
    fn read<T>(self, identity: &[&str], read: impl Fn(Section<'p>) -> Option<T>) -> Effective<T> {
        let shared_only = !self.own.is_empty();
        let general = self.general.filter(|general| !shared_only || general.has_any(identity));
        let own = self.own.into_iter();
        Effective {
            general: general.and_then(&read),
            own: own.filter_map(|(code, section)| Some((code, read(section)?))).collect(),
        }
    }
}

impl<T: Clone> Effective<T> {
    fn of(&self, code: &str) -> Option<T> {
        self.own.get(code).or(self.general.as_ref()).cloned()
    }
}
