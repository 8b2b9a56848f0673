//! Filter, third page, act: the same list and the same row, at every desk. And the pages that ask before.

use super::{
    browser::{Browser, Page},
    lists, people, rosters,
};
use crate::staff::{cases, support::add};
use onecard::base::ids::uuid_at;
use std::fmt::Write;
use testkit::{TestDb, World, now, on_each_database};

on_each_database!(
    an_act_leads_back_to_its_row_on_the_third_page,
    who_is_switched_off_is_asked_about_with_what_waits,
    a_page_that_asks_says_what_is_so_now,
    a_difference_is_refused_on_its_own_page,
    a_file_that_is_gone_leads_back_to_the_list,
);

/// A list with its filter, and what is done to a row of its third page, one after the other.
type Desk = (&'static str, &'static [&'static str]);

const DESKS: &[Desk] = &[
    ("/staff/people?department=%E5%8D%97%E9%99%A2", &["loss"]),
    ("/staff/cases?state=free", &["take", "release"]),
    ("/staff/merchants?text=m-&sort=oldest", &["disable"]),
    ("/staff/staff?state=on", &["end-sessions"]),
    ("/staff/doors?source=staff&sort=oldest", &["end"]),
    ("/staff/reconciliation?state=closed", &["close"]),
    ("/staff/messages/failed?kind=shipping&reason=x", &["retry"]),
];

/// Rows of each list for three pages.
async fn fill(world: &World) {
    let school = world.rows.school("xnec").await;
    let mut rows = String::new();
    for nth in 0..160 {
        lists::merchant(world, school, nth).await;
        lists::member(world, school, nth).await;
        lists::right(world, school, nth).await;
        lists::message(world, school, nth).await;
        lists::day(world, school, nth).await;
        writeln!(rows, "N{nth:03},人{nth},,,student,南院,单班,").unwrap();
    }
    people::listed(world, "xnec", &rows).await;
    let found: Vec<_> = (0..120)
        .map(|nth| ("payment", format!("no_order:wechat_pay:m:{nth}"), "¥50.00 of elsewhere"))
        .collect();
    cases::open(world, &found).await;
    // A login whose row is the program's own, on the last page of the list by name.
    add(&world.db, school, ("zz", "7999", &["finance"])).await;
}

fn plain(text: &str) -> String {
    text.replace("&#38;", "&")
}

/// The rows of a page by their anchors.
fn rows(page: &Page) -> Vec<String> {
    let rows = page.html.split("role=\"row\" id=\"").skip(1);
    rows.map(|row| row.split_once('"').unwrap().0.to_owned()).collect()
}

/// The first address in a text that is `act` of something, if there is one.
fn way_to(html: &str, act: &str) -> Option<String> {
    let links = html.split("href=\"").skip(1).map(|link| link.split_once('"').unwrap().0);
    let mut ways = links.filter(|link| link.split('?').next().unwrap().ends_with(act));
    ways.next().map(plain)
}

/// Sends the form of an act as it stands on a page, with a reason.
async fn send(browser: &Browser, page: &Page, html: &str, act: &str) -> Page {
    let forms = html.split("<form ").skip(1).map(|form| form.split_once("</form>").unwrap().0);
    let form = forms
        .into_iter()
        .find(|form| form.contains(&format!("{act}\"")))
        .unwrap_or_else(|| panic!("no form of {act}: {html}"));
    let path = plain(form.split_once("action=\"").unwrap().1.split_once('"').unwrap().0);
    let hidden = form.split("<input type=\"hidden\" name=\"").skip(1).map(|input| {
        let (name, rest) = input.split_once("\" value=\"").unwrap();
        (name.to_owned(), plain(rest.split_once('"').unwrap().0))
    });
    let mut fields: Vec<(String, String)> = hidden.filter(|(name, _)| name != "csrf").collect();
    if !fields.iter().any(|(name, _)| name == "reason") {
        fields.push(("reason".to_owned(), "核对过".to_owned()));
    }
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    browser.submit(page, &path, &fields).await
}

/// Does what is to be done to a row, as somebody does who opens it and presses what the pages show; returns where
/// one is in the end.
async fn acted(browser: &Browser, page: &Page, (row, acts): (&str, &[&str]), back: &str) -> Page {
    if row.contains("<form ") {
        return send(browser, page, row, &format!("/{}", acts[0])).await.with(303);
    }
    let mut at = browser.get(&way_to(row, "").unwrap()).await.with(200);
    assert!(at.says("返回"), "{}", at.html);
    let mut sent = None;
    for act in acts {
        let act = format!("/{act}");
        let back = back.replace('&', "&#38;");
        assert!(at.says(&format!("href=\"{back}\"")), "{act}: the way back {back}: {}", at.html);
        if let Some(way) = way_to(&at.html, &act) {
            at = browser.get(&way).await.with(200);
        }
        let done = send(browser, &at, &at.html.clone(), &act).await.with(303);
        at = browser.follow(&done).await.with(200);
        assert!(at.says("role=\"status\""), "{act} is said: {}", at.html);
        sent = Some(done);
    }
    sent.unwrap()
}

async fn third(browser: &Browser, list: &str) -> (String, Page) {
    let first = browser.get(list).await.with(200);
    let second = browser.get(&lists::link(&first, "next").unwrap()).await.with(200);
    let path = lists::link(&second, "next").unwrap_or_else(|| panic!("{list} has no third page"));
    let page = browser.get(&path).await.with(200);
    (path, page)
}

async fn an_act_leads_back_to_its_row_on_the_third_page(db: &TestDb) {
    let world = World::start(db).await;
    let roles = ["card_office", "finance", "auditor", "admin"];
    let (browser, _) = Browser::of(&world, "li", "1002", &roles).await;
    fill(&world).await;
    for (list, acts) in DESKS {
        let (path, page) = third(&browser, list).await;
        let before = rows(&page);
        let anchor = before.last().unwrap();
        let row = page.between(&format!("role=\"row\" id=\"{anchor}\""), "</tr>");
        let back = format!("{path}#{anchor}");
        let done = acted(&browser, &page, (&row, acts), &back).await;
        assert_eq!(done.location, back, "{list}");
        let after = browser.get(&path).await.with(200);
        // What was sent again is no more a failure: the rows before it are.
        let stays = usize::from(acts[0] != "retry");
        let kept = before.len() - 1 + stays;
        assert_eq!(rows(&after)[..kept], before[..kept], "{list}: the same list");
    }
}

/// Two requests of a login that is switched off: their number is asked about, and they are taken back with it.
async fn who_is_switched_off_is_asked_about_with_what_waits(db: &TestDb) {
    let world = World::start(db).await;
    let (admin, _) = Browser::of(&world, "a1", "1001", &["admin"]).await;
    let (li, _) = Browser::of(&world, "li", "1002", &["card_office"]).await;
    let login = world.rows.id("SELECT id FROM staff_member WHERE login = 'li'").await;
    let page = format!("/staff/staff/{login}");
    let asks = async |nth: &str| {
        let person = world.rows.person("xnec", nth).await;
        let path = format!("/staff/people/{person}/password-reset");
        let form = li.get(&path).await.with(200);
        let fields = [("form_id", &*form.field("form_id")), ("reason", "忘记密码")];
        li.submit(&form, &path, &fields).await.with(303);
    };
    let off = format!("{page}/disable");
    let none = admin.get(&off).await.with(200);
    assert!(none.says("停用 li？1 个会话立即结束，没有待复核的申请。"), "{}", none.html);
    asks("2301001").await;
    asks("2301002").await;
    let asked = admin.get(&off).await.with(200);
    assert!(asked.says("停用 li？1 个会话立即结束，2 项待复核退回。"), "{}", asked.html);
    assert_eq!(world.rows.count("approval WHERE state = 'requested'").await, 2, "only asked");
    let empty = admin.submit(&asked, &off, &[("reason", " ")]).await.with(422);
    assert!(empty.says("<title>错误：停用 li") && empty.says("href=\"#reason\""), "{}", empty.html);
    assert!(empty.says("2 项待复核退回"), "{}", empty.html);
    let done = admin.submit(&asked, &off, &[("reason", "离职")]).await.with(303);
    assert_eq!(done.location, page);
    assert_eq!(world.rows.count("approval WHERE state = 'withdrawn'").await, 2);
    li.get("/staff").await.with(303);
    let again = admin.get(&off).await.with(303);
    assert!(admin.follow(&again).await.with(200).says("之前已经办好"));
    let on = admin.get(&format!("{page}/enable")).await.with(200);
    assert!(on.says("启用 li？可以再登录") && on.says("<dt>会话</dt><dd>0 个"), "{}", on.html);
    let done = admin.submit(&on, &format!("{page}/enable"), &[("reason", "回来")]).await.with(303);
    assert!(admin.follow(&done).await.says("停用 li"));
    assert_eq!(world.rows.count("approval WHERE state = 'withdrawn'").await, 2, "not given back");
    // Nobody is asked about the own login.
    let own = world.rows.id("SELECT id FROM staff_member WHERE login = 'a1'").await;
    admin.get(&format!("/staff/staff/{own}/disable")).await.with(303);
    assert!(world.report().await.is_clean());
}

async fn a_page_that_asks_says_what_is_so_now(db: &TestDb) {
    let world = World::start(db).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let school = world.rows.school("xnec").await;
    for nth in 3..5 {
        lists::right(&world, school, nth).await;
    }
    let list = office.get("/staff/doors?state=current").await.with(200);
    let way = way_to(&list.html, "/end").unwrap();
    assert!(way.contains("?back=/staff/doors%3Fstate%3Dcurrent%23r"), "{way}");
    let asked = office.get(&way).await.with(200);
    for word in ["结束 2301001 在 g04 的权限？", "<dt>止</dt><dd>不限", "<button>结束权限"]
    {
        assert!(asked.says(word), "{word}: {}", asked.html);
    }
    let path = way.split('?').next().unwrap();
    let empty = office.submit(&asked, path, &[("reason", " ")]).await.with(422);
    assert!(empty.says("错误：结束权限"), "{}", empty.html);
    let done = send(&office, &asked, &asked.html, "/end").await.with(303);
    assert!(done.location.starts_with("/staff/doors?state=current#r"), "{}", done.location);
    assert!(office.follow(&done).await.says("权限已结束"));
    // One that has ended, and one that there is not.
    let over = office.get(path).await.with(303);
    assert!(!over.location.contains("2301001") && office.follow(&over).await.says("之前已经办好"));
    let nobody = "/staff/doors/rights/01931c7e-0000-7000-8000-000000000000/end";
    office.get(nobody).await.with(404);
    for elsewhere in ["https://evil.example/", "/staff/../api/v1/", "/staff/doors?phone=139"] {
        let done = office.submit(&asked, path, &[("reason", "x"), ("back", elsewhere)]).await;
        assert!(done.with(303).location.starts_with("/staff/doors?group=&of="), "{elsewhere}");
    }
}

/// Something that differs on the day of the bill that there is.
async fn difference(world: &World, nth: u32) {
    let id = world.rows.literal(&uuid_at(now()).to_string());
    let sql = format!(
        "INSERT INTO bill_difference (id, school_id, provider, merchant_number, day, entry, number, \
         field, out_trade_no, ours, theirs, stake_fen, repair, state, run, found_at, ended_at) \
         SELECT {id}, school_id, provider, merchant_number, day, 'payment', 'T{nth}', 'amount', 'x', \
         'a', 'b', 1, 'ask_support', 'open', 1, 1, 0 FROM bill_day"
    );
    assert_eq!(world.rows.change(&sql, []).await, 1);
}

/// What differs on a page, by its anchors.
fn cards(page: &Page) -> Vec<String> {
    let cards = page.html.split("<li id=\"").skip(1);
    cards.map(|card| card.split('"').next().unwrap().to_owned()).collect()
}

async fn a_difference_is_refused_on_its_own_page(db: &TestDb) {
    const DAYS: &str = "/staff/reconciliation";
    let world = World::start(db).await;
    let (finance, _) = Browser::of(&world, "li", "1002", &["finance"]).await;
    lists::day(&world, world.rows.school("xnec").await, 0).await;
    for nth in 0..60 {
        difference(&world, nth).await;
    }
    let path = format!("{DAYS}/{}", world.rows.id("SELECT id FROM bill_day").await);
    for which in ["", "?ended=true"] {
        let first = finance.get(&format!("{path}{which}")).await.with(200);
        let next = lists::link(&first, "next").unwrap();
        let second = finance.get(&format!("{path}{next}")).await.with(200);
        let shown = cards(&second);
        assert_eq!(shown.len(), 10, "{}", second.html);
        let act = second.between(&format!("action=\"{DAYS}/differences/"), "\"");
        let [day, form_id, back] =
            ["day", "form_id", "back"].map(|name| plain(&second.field(name)));
        let fields = [("day", &*day), ("form_id", &*form_id), ("back", &*back), ("reason", " ")];
        let act = format!("{DAYS}/differences/{act}");
        let refused = finance.submit(&second, &act, &fields).await.with(422);
        // Behind what is wrong.
        assert_eq!(cards(&refused)[1..], shown, "{which}: the same page");
        assert_eq!(refused.says("只看未处理的"), !which.is_empty(), "{}", refused.html);
        assert!(refused.leads_to_its_fields(), "{}", refused.html);
    }
}

async fn a_file_that_is_gone_leads_back_to_the_list(db: &TestDb) {
    let world = World::start(db).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let file = "student_no,name,id_number,phone,kind,department,class_name,valid_until\n\
                N1,新生,,,student,,,\n";
    let path = rosters::sent(&office, file.as_bytes()).await;
    let page = office.get(&path).await.with(200);
    let gone = "UPDATE roster_job SET refusals_kept = 0";
    assert_eq!(world.rows.change(gone, []).await, 1);
    let back = "/staff/roster-imports?state=checked#r1";
    let fields = [("format", "csv"), ("back", back)];
    let gone = office.submit(&page, &format!("{path}/refused"), &fields).await;
    assert!(gone.status >= 400 && gone.says(&format!("href=\"{back}\"")), "{}", gone.html);
}
