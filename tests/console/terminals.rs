//! 商户 and 终端 at a browser: a stolen till, keys that are shown once, lists.

use super::browser::{Browser, Page};
use crate::{
    spend::shop::{CHARGES, Shop, signed},
    terminals::signer::{Signer, authority},
};
use futures_util::future::{join, join_all};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::{Answer, Api, TestDb, World, on_each_database};

on_each_database!(
    nothing_is_charged_once_a_till_is_stopped,
    a_new_key_is_shown_once_and_is_good,
    a_form_of_before_changes_nothing,
    what_is_wrong_with_a_new_one_stands_above_it,
    a_merchant_that_is_off_sells_nothing,
    only_stopping_needs_no_fresh_second_factor,
    a_terminal_is_found_by_its_number,
    a_till_leads_back_past_its_merchant,
);

const TERMINALS: &str = "/staff/terminals";
const CONFIG: &str = "GET /terminal/v1/config";

async fn path_of(world: &World, code: &str) -> String {
    let id = world.rows.id(&format!("SELECT id FROM terminal WHERE code = '{code}'")).await;
    format!("{TERMINALS}/{id}")
}

async fn acts(world: &World, act: &str) -> usize {
    world.rows.texts(&format!("SELECT why FROM audit_entry WHERE act = '{act}'")).await.len()
}

/// A charge at the first server.
async fn charge(api: &Api, till: &Signer, seq: i64, code: &str) -> Answer {
    charge_at((api, api), till, seq, code).await
}

/// A charge at a server that is asked by the name of the first, as behind a proxy.
async fn charge_at((api, first): (&Api, &Api), till: &Signer, seq: i64, code: &str) -> Answer {
    let body = json!({ "seq": seq, "code": code, "amount_fen": 100 });
    let (mut headers, bytes) = signed(first, till, CHARGES, &body);
    headers.push(("Host".to_owned(), authority(first)));
    api.deliver(CHARGES, &headers, &bytes).await.unwrap()
}

/// The private key on a page.
fn key_on(page: &Page, key_id: &str) -> Signer {
    Signer::with_pem(key_id, &page.between("<pre class=\"key\"><code>", "</code>"))
}

/// Test 16 of the console: a till that is charging at two servers is stopped; not one charge is committed
/// after the answer, though both servers have a copy that says it is good.
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn nothing_is_charged_once_a_till_is_stopped(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let (world, till) = (&shop.world, &shop.tills[0]);
    let second = world.rows.is_postgres().then(|| world.serve());
    let apis: Vec<Api> =
        std::iter::once(world.api()).chain(second.iter().map(testkit::Server::api)).collect();
    let (finance, _) = Browser::of(world, "finance", "1002", &["finance"]).await;
    let path = path_of(world, "T1").await;
    let form = finance.get(&format!("{path}/disable")).await.with(200);
    assert!(form.says("停用 T1？之后的收款一律拒绝，已收 ¥0.00 不变。"), "{}", form.html);
    let (accepted, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let pays = async |nth: usize| {
        for turn in 0..10 {
            let Some(code) = shop.phones[nth].next_code() else { break };
            let at = (&apis[(nth + turn) % apis.len()], &apis[0]);
            let answer = charge_at(at, till, shop.seq(), &code).await;
            match answer.status {
                200 => accepted.fetch_add(1, Ordering::SeqCst),
                401 => break,
                status => panic!("{status}: {answer:?}"),
            };
        }
        ended.fetch_add(1, Ordering::SeqCst);
    };
    let stops = async {
        while accepted.load(Ordering::SeqCst) < 6 {
            assert!(ended.load(Ordering::SeqCst) < 6, "nobody pays any more");
            tokio::task::yield_now().await;
        }
        let (there, fields) = (format!("{path}/disable"), [("reason", "失窃")]);
        finance.submit(&form, &there, &fields).await.with(303);
        world.rows.count("charge").await
    };
    let (_, at_the_answer) = join(join_all((0..6).map(pays)), stops).await;
    let charged = i64::try_from(accepted.load(Ordering::SeqCst)).unwrap();
    assert_eq!(world.rows.count("charge").await, at_the_answer);
    assert_eq!(charged, at_the_answer, "each that was answered is there, and no other");
    for (api, phone) in apis.iter().zip(&shop.phones) {
        let refused = charge_at((api, &apis[0]), till, shop.seq(), &phone.code()).await;
        refused.problem("a stopped till", 401, "signature_invalid");
    }
    assert_eq!(world.rows.count("charge").await, at_the_answer);
    // A second click is the same.
    let again = finance.submit(&form, &format!("{path}/disable"), &[("reason", "失窃")]).await;
    let shown = finance.follow(&again.with(303)).await.with(200);
    assert_eq!(acts(world, "terminal.disabled").await, 1);
    for word in ["已停用，之后的收款一律拒绝", ">停用</span>", "停用终端：失窃", "最后的收款"]
    {
        assert!(shown.says(word), "{word}: {}", shown.html);
    }
    assert!(!shown.says("/enable"), "finance stops, and does not start: {}", shown.html);
    let sum = format!("¥{at_the_answer}.00，{at_the_answer} 笔");
    assert!(shown.says(&sum), "{sum}: {}", shown.html);
    shop.is_sound().await;
}

async fn a_new_key_is_shown_once_and_is_good(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let (world, old) = (&shop.world, &shop.tills[0]);
    let (office, _) = Browser::of(world, "office", "1001", &["card_office"]).await;
    let path = path_of(world, "T1").await;
    let form = office.get(&format!("{path}/rotate-key")).await.with(200);
    let fields = [("known", &*form.field("known")), ("keep_old", "yes"), ("reason", "定期更换")];
    let issued = office.submit(&form, &format!("{path}/rotate-key"), &fields).await.with(200);
    assert!(issued.says("xnec/T1") && issued.says("只在这里显示一次"), "{}", issued.html);
    assert_eq!(issued.headers["cache-control"], "no-store");
    let new = key_on(&issued, "xnec/T1");
    let api = world.api();
    // Both are good, the new one at once, whatever the server has read before.
    for till in [&new, old] {
        testkit::eventually("the key is good", async || {
            (till.ask(&api, CONFIG).await.status == 200).then_some(())
        })
        .await;
    }
    charge(&api, &new, shop.seq(), &shop.phones[0].code()).await.body(200);
    charge(&api, old, shop.seq(), &shop.phones[1].code()).await.body(200);
    let shown = office.get(&path).await.with(200);
    assert!(!shown.says("PRIVATE KEY") && shown.says("用到 "), "{}", shown.html);
    assert!(shown.says("更换终端密钥") && shown.says("：定期更换"), "{}", shown.html);
    // Without a day more, the keys of before are refused from the answer on.
    let form = office.get(&format!("{path}/rotate-key")).await.with(200);
    let fields = [("known", &*form.field("known")), ("keep_old", "no"), ("reason", "外泄")];
    let issued = office.submit(&form, &format!("{path}/rotate-key"), &fields).await.with(200);
    assert!(issued.says("不再有效"), "{}", issued.html);
    for till in [&new, old] {
        let refused = charge(&api, till, shop.seq(), &shop.phones[2].code()).await;
        refused.problem("an old key", 401, "signature_invalid");
    }
    testkit::assert_authentic(&world.db).await;
    shop.is_sound().await;
}

/// Two windows: the second one changes nothing, says what happened, and keeps what was typed.
async fn a_form_of_before_changes_nothing(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let world = &shop.world;
    let (office, _) = Browser::of(world, "office", "1001", &["card_office"]).await;
    let (network, _) = Browser::of(world, "net", "1003", &["network_center"]).await;
    let path = path_of(world, "T1").await;
    let form = office.get(&format!("{path}/rotate-key")).await.with(200);
    let known = form.field("known");
    let fields = |reason| [("known", &*known), ("keep_old", "no"), ("reason", reason)];
    let there = format!("{path}/rotate-key");
    office.submit(&form, &there, &fields("第一次")).await.with(200);
    let second = office.submit(&form, &there, &fields("又一次")).await.with(409);
    let again = format!("<a href=\"{there}\">如果是您刚才更换的而没有看到密钥");
    for word in
        ["<title>错误：", "刚被更改过", "office（1001） 更换终端密钥", "value=\"又一次\"", &*again]
    {
        assert!(second.says(word), "{word}: {}", second.html);
    }
    assert!(!second.says("PRIVATE KEY") && second.field("known") != known, "{}", second.html);
    assert_eq!(acts(world, "terminal.key_replaced").await, 1);
    // It was stopped meanwhile: it cannot get a key beside that, and is started with a new one once.
    let form = network.get(&there).await.with(200);
    let (late, off) = (form.field("known"), office.get(&format!("{path}/disable")).await);
    office.submit(&off.with(200), &format!("{path}/disable"), &[]).await.with(303);
    let fields = [("known", &*late), ("keep_old", "no"), ("reason", "晚了")];
    let refused = network.submit(&form, &there, &fields).await.with(409);
    assert!(refused.says("停用终端") && !refused.says("<button>更换密钥"), "{}", refused.html);
    let away = network.get(&there).await.with(303);
    assert!(network.follow(&away).await.says("请看现在的情况"));
    let form = network.get(&format!("{path}/enable")).await.with(200);
    let fields = [("known", &*form.field("known")), ("reason", "找回")];
    let started = network.submit(&form, &format!("{path}/enable"), &fields).await.with(200);
    network.submit(&form, &format!("{path}/enable"), &fields).await.with(409);
    let new = key_on(&started, "xnec/T1");
    testkit::eventually("the new key is good", async || {
        (new.ask(&world.api(), CONFIG).await.status == 200).then_some(())
    })
    .await;
    shop.tills[0].ask(&world.api(), CONFIG).await.problem("the old key", 401, "signature_invalid");
    assert_eq!(acts(world, "terminal.enabled").await, 1);
}

#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn what_is_wrong_with_a_new_one_stands_above_it(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let world = &shop.world;
    let (office, _) = Browser::of(world, "office", "1001", &["card_office"]).await;
    let form = office.get("/staff/terminals/add").await.with(200);
    let add = async |code: &str, kind: &str, merchant: &str, reason: &str| {
        let fields = [
            ("code", code),
            ("kind", kind),
            ("merchant", merchant),
            ("door_group", ""),
            ("reason", reason),
        ];
        office.submit(&form, "/staff/terminals/add", &fields).await
    };
    let before = world.rows.count("terminal").await;
    for (code, kind, merchant, reason, status, text) in [
        ("", "pos", "c1", "新", 422, "编号只能用"),
        ("T/9", "pos", "c1", "新", 422, "编号只能用"),
        ("T9", "", "c1", "新", 422, "请选择种类"),
        ("T9", "pos", "", "新", 422, "收款终端须填写商户"),
        ("T9", "pos", "none", "新", 422, "没有这个编号的商户"),
        ("T9", "pos", "c1", " ", 422, "请填写理由"),
        ("T1", "pos", "c1", "新", 409, "这个编号已经有了"),
    ] {
        let page = add(code, kind, merchant, reason).await.with(status);
        assert!(page.says(text) && page.says("<title>错误："), "{text}: {}", page.html);
        for (name, value) in [("code", code), ("merchant", merchant), ("reason", reason)] {
            let kept = format!("name=\"{name}\" value=\"{value}\"");
            assert!(page.says(&kept), "{kept}: {}", page.html);
        }
    }
    assert_eq!(world.rows.count("terminal").await, before);
    let issued = add("A03", "pos", "c1", "新窗口").await.with(200);
    let till = key_on(&issued, "xnec/A03");
    charge(&world.api(), &till, 1, &shop.phones[0].code()).await.body(200);
    let again = add("A03", "pos", "c1", "新窗口").await.with(409);
    let there = format!("<a href=\"{}\">这个编号已有", path_of(world, "A03").await);
    assert!(again.says(&there) && again.says("请到该终端更换密钥"), "{}", again.html);
    assert_eq!(world.rows.count("terminal").await, before + 1);
    // Never heard of first, and heard of within seconds.
    let list = testkit::eventually("it was heard of", async || {
        let list = office.get("/staff/terminals?merchant=c1").await.with(200);
        let row = list.between(">A03</a>", "</tr>");
        (!row.contains("从未") && row.contains("在用")).then_some(list)
    })
    .await;
    assert!(list.between(">A03</a>", "</tr>").contains("¥1.00"), "{}", list.html);
    assert!(list.says("3 台") && list.says("商户：c1"), "{}", list.html);
    let silent = office.get("/staff/terminals?state=silent").await.with(200);
    assert!(!silent.says(">A03</a>") && silent.says(">T2</a>"), "{}", silent.html);
    let back = list.between(&format!("{}?back=", path_of(world, "A03").await), "\"");
    let shown = office.get(&format!("{}?back={back}", path_of(world, "A03").await)).await;
    assert!(shown.says("href=\"/staff/terminals?merchant=c1#t"), "{}", shown.html);
    for format in ["csv", "xlsx"] {
        let page = office.get("/staff/terminals?merchant=c1").await.with(200);
        let there = "/staff/terminals/export?merchant=c1";
        let file = office.submit(&page, there, &[("format", format)]).await.with(200);
        assert!(format == "xlsx" || file.says("A03,c1,第一食堂,收款,"), "{}", file.html);
    }
    assert_eq!(acts(world, "terminals.exported").await, 2);
}

#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn a_merchant_that_is_off_sells_nothing(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let world = &shop.world;
    let (office, _) = Browser::of(world, "office", "1001", &["card_office"]).await;
    let form = office.get("/staff/merchants/add").await.with(200);
    let add = async |code: &str, name: &str, reason: &str| {
        let fields = [("code", code), ("name", name), ("reason", reason)];
        office.submit(&form, "/staff/merchants/add", &fields).await
    };
    let markup = "<b onclick=x>&amp;";
    for (code, name, status, text) in [
        ("Shop", markup, 422, "商户的编号不用大写"),
        ("shop", " ", 422, "请填写名称"),
        ("c1", "x", 409, "这个编号已经有了"),
    ] {
        let page = add(code, name, "新").await.with(status);
        assert!(page.says(text), "{text}: {}", page.html);
        assert!(!page.says("<b onclick"), "{}", page.html);
        assert_eq!(page.says("请打开该商户查看"), status == 409, "{}", page.html);
    }
    let added = add("shop", markup, markup).await.with(303);
    let shown = office.follow(&added).await.with(200);
    let list = office.get("/staff/merchants").await.with(200);
    for page in [&shown, &list] {
        assert!(page.says("&#60;b onclick=x&#62;&#38;amp;"), "{}", page.html);
        assert!(!page.says("<b onclick"), "{}", page.html);
    }
    assert!(list.says("2 家"), "{}", list.html);
    shop.charge(&shop.phones[0].code(), 1250).await.body(200);
    let list = office.get("/staff/merchants").await.with(200);
    let id = world.rows.id("SELECT id FROM merchant WHERE code = 'c1'").await;
    let row = list.between(">c1</a>", "</tr>");
    assert!(row.contains("¥12.50") && row.contains(">2<"), "{row}");
    let path = format!("/staff/merchants/{id}");
    let form = office.get(&format!("{path}/disable")).await.with(200);
    assert!(form.says("停用 第一食堂？") && form.says("已收 ¥12.50 不变"), "{}", form.html);
    for _ in 0..2 {
        let fields = [("reason", "欠租")];
        let stopped = office.submit(&form, &format!("{path}/disable"), &fields).await;
        let shown = office.follow(&stopped.with(303)).await.with(200);
        assert!(shown.says("停用商户") && shown.says("商户停用"), "{}", shown.html);
    }
    assert_eq!(acts(world, "merchant.disabled").await, 1);
    // By the copy of before, and by a new one.
    let refused = shop.charge(&shop.phones[1].code(), 100).await;
    refused.problem("a merchant that is off", 401, "signature_invalid");
    testkit::eventually("the server knows", async || {
        let refused = shop.charge(&shop.phones[2].next_code()?, 100).await;
        (refused.status == 403).then_some(())
    })
    .await;
    assert_eq!(world.rows.count("charge").await, 1);
    let form = office.get(&format!("{path}/enable")).await.with(200);
    office.submit(&form, &format!("{path}/enable"), &[("reason", " ")]).await.with(422);
    office.submit(&form, &format!("{path}/enable"), &[("reason", "已付")]).await.with(303);
    testkit::eventually("it sells again", async || {
        let done = shop.charge(&shop.phones[3].next_code()?, 100).await;
        (done.status == 200).then_some(())
    })
    .await;
    testkit::assert_authentic(&world.db).await;
    shop.is_sound().await;
}

async fn only_stopping_needs_no_fresh_second_factor(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let world = &shop.world;
    let (office, _) = Browser::of(world, "office", "1001", &["card_office"]).await;
    let path = path_of(world, "T1").await;
    let form = office.get(&format!("{path}/rotate-key")).await.with(200);
    let ago = "UPDATE staff_session SET factor_at = factor_at - $1";
    world.change(ago, [(11 * 60_000_000_i64).into()]).await;
    for act in ["rotate-key", "enable"] {
        let there = format!("{path}/{act}");
        for page in [office.get(&there).await, office.submit(&form, &there, &[]).await] {
            assert!(page.with(303).location.starts_with("/staff/second-factor?next="), "{act}");
        }
    }
    let form = office.get(&format!("{path}/disable")).await.with(200);
    let stopped = office.submit(&form, &format!("{path}/disable"), &[]).await.with(303);
    assert_eq!(stopped.location, path);
    assert_eq!(acts(world, "terminal.disabled").await, 1);
}

async fn a_terminal_is_found_by_its_number(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let world = &shop.world;
    let (office, _) = Browser::of(world, "office", "1001", &["card_office"]).await;
    let network = crate::staff::whole_way::staff(world, "net", "1003", "network_center").await;
    for (code, found) in [
        ("T1", &["T1"][..]),
        ("t2", &["T2"]),
        ("T", &["T1", "T2"]),
        ("1", &[]),
        ("T_", &[]),
        ("%25", &[]),
    ] {
        let list = office.get(&format!("{TERMINALS}?code={code}")).await.with(200);
        assert!(list.says("编号：") && list.says("移除"), "{code}: {}", list.html);
        let answer = network.get(&format!("/api/v1/staff/terminals?code={code}")).await.body(200);
        let answer = answer.to_string();
        let page = office.get(&format!("{TERMINALS}?code={code}")).await.with(200);
        let there = format!("{TERMINALS}/export?code={code}");
        let file = match found {
            [] => String::new(),
            _ => office.submit(&page, &there, &[("format", "csv")]).await.with(200).html,
        };
        for one in ["T1", "T2"] {
            let is = found.contains(&one);
            assert_eq!(list.says(&format!(">{one}</a>")), is, "{code}: {}", list.html);
            assert_eq!(answer.contains(&format!("\"code\":\"{one}\"")), is, "{code}: {answer}");
            assert_eq!(file.contains(&format!("{one},c1,")), is, "{code}: {file}");
        }
    }
}

/// From a list to a merchant, to a till of it, and back the same way.
async fn a_till_leads_back_past_its_merchant(db: &TestDb) {
    let shop = Shop::open(db, "").await;
    let (office, _) = Browser::of(&shop.world, "office", "1001", &["card_office"]).await;
    let id = shop.world.rows.id("SELECT id FROM merchant WHERE code = 'c1'").await;
    let from = format!("/staff/merchants/{id}?back=/staff/merchants%3Fstate%3Don");
    let merchant = office.get(&from).await.with(200);
    let till = office.get(&merchant.between("data-head=\"编号\"><a href=\"", "\"")).await;
    assert!(till.with(200).says(&format!("href=\"{from}#t")), "{id}");
}
