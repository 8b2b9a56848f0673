//! Names as they are: with spaces, middle dots, full width, markup, a leading `=`. Each is found by itself, is text in
//! every list and page that shows it, and no file begins a cell with it.

use super::{
    browser::{Browser, Page, plain},
    people::listed,
};
use crate::staff::whole_way::topped_up;
use testkit::{TestDb, World, on_each_database};

on_each_database!(a_name_is_a_name_at_every_desk);

const NAMES: [&str; 7] = [
    "王 小 明",
    "阿依努尔·买合苏提",
    "Ｌｉ　Ｍｉｎｇ",
    "<b>王</b>",
    "=1+1",
    "＝王",
    "O'Neil \"Q\"",
];

/// What is in the page or file that the name would do something in.
fn runs(page: &Page) -> Option<&str> {
    let is_page = page.headers["content-type"].starts_with("text/html");
    if is_page {
        return ["<b>", "<script>"].into_iter().find(|markup| page.says(markup));
    }
    let cells = page.html.split(['\n', ',', '\u{feff}']).map(|cell| cell.trim_start_matches('"'));
    cells.into_iter().find(|cell| cell.starts_with(['=', '＝']))
}

async fn a_name_is_a_name_at_every_desk(db: &TestDb) {
    let world = World::start(db).await;
    topped_up(&world).await;
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let row = |(nth, name): (usize, &&str)| {
        format!("N{nth},{},,1380013770{nth},student,护理系,护理2301,\n", quoted(name))
    };
    listed(&world, "xnec", &NAMES.iter().enumerate().map(row).collect::<String>()).await;
    let (all, _) = Browser::of(&world, "all", "9001", &["card_office", "finance", "auditor"]).await;
    for (nth, name) in NAMES.into_iter().enumerate() {
        let id = world.rows.person("xnec", &format!("N{nth}")).await;
        let number = format!("N{nth}");
        // Found by itself, and by nothing that is in an address.
        let list = all.get("/staff/people").await.with(200);
        let found = all.submit(&list, "/staff/people/search", &[("text", name)]).await.with(303);
        assert!(!plain(&found.location).contains(name), "{}", found.location);
        let found = all.follow(&found).await.with(200);
        assert!(found.says(&format!(">{number}</a>")), "{name}: {}", found.html);
        assert_eq!(runs(&found), None, "{name}");
        // Asked about, with the name as the reason.
        let adjust = format!("/staff/people/{id}/adjust");
        let form = all.get(&adjust).await.with(200);
        let form_id = form.field("form_id");
        let fields = [("form_id", &*form_id), ("way", "up"), ("amount", "12"), ("reason", name)];
        let sure = all.submit(&form, &adjust, &fields).await.with(200);
        assert_eq!(runs(&sure), None, "{name}");
        let seen = sure.field("seen");
        let fields = [&fields[..], &[("seen", &*seen)]].concat();
        all.submit(&sure, &adjust, &fields).await.with(303);
        // The order is theirs, one after the other.
        let place = world.rows.literal(&id.to_string());
        world.change(&format!("UPDATE orders SET person_id = {place}"), []).await;
        let request = world.rows.id("SELECT id FROM approval ORDER BY id DESC LIMIT 1").await;
        for path in [
            format!("/staff/people/{id}"),
            "/staff/orders".to_owned(),
            "/staff/adjustments".to_owned(),
            format!("/staff/adjustments/{request}"),
            "/staff/audit".to_owned(),
        ] {
            let page = all.get(&path).await.with(200);
            assert_eq!(runs(&page), None, "{name} at {path}: {}", page.html);
            let names = ["/staff/adjustments", "/staff/audit"].contains(&&*path);
            let escaped = name.replace('<', "&#60;").replace('>', "&#62;");
            let escaped = escaped.replace('"', "&#34;").replace('\'', "&#39;");
            assert!(!names || page.says(&escaped), "{name} at {path}: {}", page.html);
        }
    }
    files_hold_them(&all).await;
}

/// No file begins a cell with a name, and none loses one.
async fn files_hold_them(all: &Browser) {
    for list in ["people", "orders", "adjustments", "audit"] {
        let of = format!("/staff/{list}");
        let page = all.get(&of).await.with(200);
        let file = all.submit(&page, &format!("{of}/export"), &[("format", "csv")]).await.with(200);
        assert_eq!(runs(&file), None, "{list}: {}", file.html);
        if list == "people" {
            let rows = file.html.matches("\nN").count();
            assert_eq!(rows, NAMES.len(), "nobody is lost: {}", file.html);
        }
    }
}
