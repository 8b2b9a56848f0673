//! 政策 and 帮助 at a browser.

use super::browser::{Browser, Page};
use std::collections::BTreeMap;
use testkit::{TestDb, World, on_each_database};

on_each_database!(
    a_limit_is_proposed_and_another_admin_approves,
    a_form_that_is_wrong_or_late_keeps_what_was_typed,
    help_is_changed_and_markup_is_text,
    an_older_version_comes_back,
);

/// What the form of the policy holds, as a browser would send it.
fn filled(page: &Page) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for tag in page.html.split("<input ").skip(1) {
        let tag = tag.split_once('>').unwrap().0;
        let of = |name: &str| {
            let (_, rest) = tag.split_once(&format!("{name}=\""))?;
            Some(text(rest.split_once('"')?.0))
        };
        let Some(name) = of("name") else { continue };
        if tag.contains("type=\"checkbox\"") && !tag.contains(" checked") {
            continue;
        }
        fields.insert(name, of("value").unwrap_or_default());
    }
    for tag in page.html.split("<select ").skip(1) {
        let (tag, rest) = tag.split_once('>').unwrap();
        let name = tag.split_once("name=\"").unwrap().1.split_once('"').unwrap().0;
        let options = rest.split_once("</select>").unwrap().0;
        let values = options.split("<option value=\"").skip(1);
        let value = |option: &str| text(option.split_once('"').unwrap().0);
        let chosen = values.clone().find(|option| option.contains(" selected")).map(value);
        let first = values.clone().next().map(value);
        fields.insert(name.to_owned(), chosen.or(first).unwrap_or_default());
    }
    for tag in page.html.split("<textarea ").skip(1) {
        let name = tag.split_once("name=\"").unwrap().1.split_once('"').unwrap().0;
        let body = tag.split_once(">\n").unwrap().1.split_once("</textarea>").unwrap().0;
        fields.insert(name.to_owned(), text(body));
    }
    fields.remove("csrf");
    fields
}

fn text(html: &str) -> String {
    let html = html.replace("&#34;", "\"").replace("&#60;", "<").replace("&#62;", ">");
    html.replace("&#39;", "'").replace("&#38;", "&")
}

async fn send(by: &Browser, page: &Page, path: &str, fields: &BTreeMap<String, String>) -> Page {
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    by.submit(page, path, &fields).await
}

/// The hidden fields of the page that confirms, with a reason.
fn confirmed(page: &Page, reason: &str) -> BTreeMap<String, String> {
    let hidden = ["form_id", "base", "from", "changes", "restore"];
    let hidden = hidden.map(|name| (name.to_owned(), text(&page.field(name))));
    hidden.into_iter().chain([("reason".to_owned(), reason.to_owned())]).collect()
}

async fn a_limit_is_proposed_and_another_admin_approves(db: &TestDb) {
    let world = World::start(db).await;
    let (first, _) = Browser::of(&world, "a1", "1001", &["admin"]).await;
    let (second, _) = Browser::of(&world, "a2", "1002", &["admin"]).await;
    let page = first.get("/staff/policy").await.with(200);
    assert!(page.says("开通前要办的") && page.says("两位复核人"), "{}", page.html);
    assert!(page.says("<dt>每餐限额</dt><dd>未设</dd>") && page.says("第 5 版"), "{}", page.html);
    let form = first.get("/staff/policy/edit").await.with(200);
    let mut fields = filled(&form);
    let nothing = send(&first, &form, "/staff/policy/preview", &fields).await.with(409);
    assert!(nothing.says("没有要更改的"), "{}", nothing.html);
    fields.insert("limits.meal_fen".to_owned(), "30".to_owned());
    let preview = send(&first, &form, "/staff/policy/preview", &fields).await.with(200);
    assert!(preview.says("<td role=\"cell\" data-head=\"之后\">¥30.00</td>"), "{}", preview.html);
    assert!(preview.says("过去 30 天的消费都不受影响"), "{}", preview.html);
    assert!(preview.says("另一位管理员复核"), "{}", preview.html);
    // Back to the form, with what was typed.
    let back = send(&first, &preview, "/staff/policy/edit", &fields).await.with(200);
    assert_eq!(filled(&back)["limits.meal_fen"], "30");
    let sent = confirmed(&preview, "<b>学校通知</b>");
    let asked = send(&first, &preview, "/staff/policy/propose", &sent).await.with(303);
    let twice = send(&first, &preview, "/staff/policy/propose", &sent).await.with(303);
    assert_eq!(asked.location, twice.location);
    let own = first.follow(&asked).await.with(200);
    assert!(own.says("撤回申请") && !own.says("/approve"), "{}", own.html);
    let today = second.get("/staff").await.with(200);
    assert!(today.says("政策申请待复核"), "{}", today.html);
    let waits = second.get("/staff/policy").await.with(200);
    assert!(waits.says("有一项更改待复核"), "{}", waits.html);
    let one = second.get(&asked.location).await.with(200);
    assert!(one.says("&#60;b&#62;学校通知") && !one.says("<b>学校通知"), "{}", one.html);
    assert!(one.says("影响谁"), "{}", one.html);
    let approve = format!("{}/approve", asked.location);
    let approved = second.submit(&one, &approve, &[]).await.with(303);
    assert!(second.follow(&approved).await.with(200).says("role=\"status\">已通过"));
    let page = first.get("/staff/policy").await.with(200);
    assert!(page.says("<dt>每餐限额</dt><dd>¥30.00</dd>") && page.says("第 6 版"), "{}", page.html);
    assert!(page.says("a2（1002）"), "{}", page.html);
    let two = first.get("/staff/policy/compare?from=1&to=2").await.with(200);
    assert!(two.says("每餐限额") && two.says("第 5 版"), "{}", two.html);
    let (auditor, _) = Browser::of(&world, "au", "1009", &["auditor"]).await;
    let log = auditor.get("/staff/audit?kind=policy").await.with(200);
    assert!(log.says("新增政策版本") && log.says("每餐限额 未设 → ¥30.00"), "{}", log.html);
    let read = auditor.get("/staff/policy").await.with(200);
    assert!(!read.says("/staff/policy/edit"), "{}", read.html);
}

async fn a_form_that_is_wrong_or_late_keeps_what_was_typed(db: &TestDb) {
    let world = World::start(db).await;
    let (first, _) = Browser::of(&world, "a1", "1001", &["admin"]).await;
    let (second, _) = Browser::of(&world, "a2", "1002", &["admin"]).await;
    let form = first.get("/staff/policy/edit").await.with(200);
    let mut fields = filled(&form);
    for (key, value, said) in [
        ("top_up.min_fen", "一元", "请填写金额"),
        ("top_up.min_fen", "600", "上限不能低于下限"),
        ("spend.reversal_minutes", "1441", "1 到 1440 分钟"),
        ("limits.meal_windows", "9-10", "写成 10:00-15:00"),
        ("from", "2020-01-01", "今天到一年之内"),
    ] {
        let mut wrong = fields.clone();
        wrong.insert(key.to_owned(), value.to_owned());
        if key.starts_with("limits") {
            wrong.insert("limits.day_fen".to_owned(), "10".to_owned());
        }
        let page = send(&first, &form, "/staff/policy/preview", &wrong).await.with(422);
        assert!(page.says(said) && page.says("错误："), "{key}: {}", page.html);
        assert_eq!(filled(&page)[key], value, "{}", page.html);
    }
    // Another admin changes the name meanwhile: the form comes back with its own change and that one.
    fields.insert("spend.reversal_minutes".to_owned(), "9".to_owned());
    let theirs = second.get("/staff/policy/edit").await.with(200);
    let mut name = filled(&theirs);
    name.insert("name".to_owned(), "新名<i>学院</i>".to_owned());
    let preview = send(&second, &theirs, "/staff/policy/preview", &name).await.with(200);
    assert!(preview.says("&#60;i&#62;") && !preview.says("<i>学院"), "{}", preview.html);
    let sent = confirmed(&preview, "改名");
    let changed = send(&second, &preview, "/staff/policy/propose", &sent).await.with(303);
    assert!(second.follow(&changed).await.with(200).says("政策已更改，成为新的版本"));
    let late = send(&first, &form, "/staff/policy/preview", &fields).await.with(409);
    assert!(late.says("a2（工号 1002）已改为第 6 版：学校名称"), "{}", late.html);
    let again = filled(&late);
    assert_eq!(again["spend.reversal_minutes"], "9");
    assert_eq!(again["name"], "新名<i>学院</i>");
    let preview = send(&first, &late, "/staff/policy/preview", &again).await.with(200);
    assert!(preview.says("收款机可冲正") && !preview.says("学校名称"), "{}", preview.html);
    // The same at the last step.
    let theirs = second.get("/staff/policy/edit").await.with(200);
    let mut portal = filled(&theirs);
    portal.remove("portal");
    let other = send(&second, &theirs, "/staff/policy/preview", &portal).await.with(200);
    let sent = confirmed(&other, "关闭");
    send(&second, &other, "/staff/policy/propose", &sent).await.with(303);
    let sent = confirmed(&preview, "我的理由");
    let late = send(&first, &preview, "/staff/policy/propose", &sent).await.with(409);
    assert!(late.says("网页查询 是 → 否") && late.says("value=\"我的理由\""), "{}", late.html);
    let sent = confirmed(&late, "我的理由");
    send(&first, &late, "/staff/policy/propose", &sent).await.with(303);
}

async fn help_is_changed_and_markup_is_text(db: &TestDb) {
    let world = World::start(db).await;
    let (admin, _) = Browser::of(&world, "a1", "1001", &["admin"]).await;
    let (office, _) = Browser::of(&world, "c1", "1002", &["card_office"]).await;
    let form = admin.get("/staff/help/edit").await.with(200);
    let mut fields = filled(&form);
    let new = fields.keys().filter(|name| name.starts_with("title")).count() - 1;
    fields.insert(format!("title{new}"), "<script>alert(1)</script>".to_owned());
    fields.insert(format!("text{new}"), "第一段 <b>粗</b>\r\n\r\n第二段".to_owned());
    fields.insert(format!("place{new}"), "1".to_owned());
    fields.insert("place0".to_owned(), "2".to_owned());
    fields.insert("remove1".to_owned(), "on".to_owned());
    let mut wrong = fields.clone();
    wrong.insert("text0".to_owned(), String::new());
    let refused = send(&admin, &form, "/staff/help/preview", &wrong).await.with(422);
    assert!(refused.says("1 到 4000 个字"), "{}", refused.html);
    assert_eq!(filled(&refused)[&format!("title{new}")], "<script>alert(1)</script>");
    let preview = send(&admin, &form, "/staff/help/preview", &fields).await.with(200);
    assert!(preview.says("<h3>&#60;script&#62;alert(1)&#60;/script&#62;</h3>"), "{}", preview.html);
    assert!(preview.says("<p class=\"told\">第二段</p>"), "{}", preview.html);
    assert!(!preview.says("<script>") && !preview.says("另一位管理员"), "{}", preview.html);
    let sent = confirmed(&preview, "更新");
    let saved = send(&admin, &preview, "/staff/policy/propose", &sent).await.with(303);
    assert_eq!(saved.location, "/staff/help");
    let page = office.get("/staff/help").await.with(200);
    assert!(page.says("&#60;script&#62;") && !page.says("<script>"), "{}", page.html);
    assert!(!page.says("怎样充值") && !page.says("/staff/help/edit"), "{}", page.html);
    let api = world.api().get("/api/v1/schools/xnec").await;
    world.at_rest().await;
    drop(api);
    let first = "SELECT COUNT(*) FROM school WHERE code = 'xnec' AND policy_version = 6";
    assert_eq!(world.rows.number(first).await, 1);
}

async fn an_older_version_comes_back(db: &TestDb) {
    let world = World::start(db).await;
    let (admin, _) = Browser::of(&world, "a1", "1001", &["admin"]).await;
    let form = admin.get("/staff/policy/edit").await.with(200);
    let mut fields = filled(&form);
    fields.insert("name".to_owned(), "新名学院".to_owned());
    let preview = send(&admin, &form, "/staff/policy/preview", &fields).await.with(200);
    let sent = confirmed(&preview, "改名");
    send(&admin, &preview, "/staff/policy/propose", &sent).await.with(303);
    let old = admin.get("/staff/policy/versions/1").await.with(200);
    assert!(old.says("恢复到第 5 版"), "{}", old.html);
    let preview = admin.get("/staff/policy/versions/1/restore").await.with(200);
    assert!(preview.says("咸宁职业技术学院"), "{}", preview.html);
    let sent = confirmed(&preview, "改错了");
    send(&admin, &preview, "/staff/policy/propose", &sent).await.with(303);
    let kept = admin.get("/staff/policy/versions").await.with(200);
    assert!(kept.says("第 7 版") && kept.says("改错了"), "{}", kept.html);
    // From tomorrow on, and taken back.
    let form = admin.get("/staff/policy/edit").await.with(200);
    let mut fields = filled(&form);
    let tomorrow = testkit::now().day().next().to_string();
    fields.insert("name".to_owned(), "明日学院".to_owned());
    fields.insert("from".to_owned(), tomorrow.clone());
    let preview = send(&admin, &form, "/staff/policy/preview", &fields).await.with(200);
    assert!(preview.says(&format!("从 {tomorrow} 起")), "{}", preview.html);
    let sent = confirmed(&preview, "改名");
    send(&admin, &preview, "/staff/policy/propose", &sent).await.with(303);
    let page = admin.get("/staff/policy").await.with(200);
    assert!(page.says(&format!("将于 {tomorrow} 生效")), "{}", page.html);
    let coming = admin.get("/staff/policy/versions/4").await.with(200);
    let stop = coming.between("href=\"/staff/policy/versions/3/restore?from=", "\"");
    let stop = format!("/staff/policy/versions/3/restore?from={stop}");
    let preview = admin.get(&stop).await.with(200);
    let sent = confirmed(&preview, "不改了");
    send(&admin, &preview, "/staff/policy/propose", &sent).await.with(303);
    let page = admin.get("/staff/policy").await.with(200);
    assert!(page.says("被替代，没有生效"), "{}", page.html);
}
