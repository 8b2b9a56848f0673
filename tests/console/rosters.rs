//! 花名册 at a browser.

use super::browser::{Browser, Page};
use encoding_rs::GBK;
use std::{
    io::{Read, Write},
    net::TcpStream,
};
use testkit::{Answer, PATIENCE, TestDb, World, eventually, on_each_database};

on_each_database!(
    a_roster_is_checked_confirmed_and_imported,
    names_are_names_whatever_they_look_like,
    what_is_wrong_stands_above_the_form,
    an_import_is_started_from_one_form,
    a_file_needs_a_fresh_second_factor,
);

const ROSTERS: &str = "/staff/roster-imports";
const HEADER: &str = "student_no,name,id_number,phone,kind,department,class_name,valid_until";

/// Uploads a file; the page of the roster.
pub(super) async fn sent(office: &Browser, file: &[u8]) -> String {
    let list = office.get(ROSTERS).await.with(200);
    let sent = office.send_file(&list, ROSTERS, ("新生 2026.csv", file)).await.with(303);
    assert!(office.get(&sent.location).await.with(200).says("已上传，正在核对"));
    sent.location
}

/// The page once nothing runs any more.
async fn ended(office: &Browser, path: &str) -> Page {
    eventually("the step ends", async || {
        let page = office.get(path).await.with(200);
        let runs = page.says("<progress");
        assert_eq!(page.headers.contains_key("refresh"), runs, "asked for again while it runs");
        (!runs).then_some(page)
    })
    .await
}

async fn a_roster_is_checked_confirmed_and_imported(db: &TestDb) {
    let world = World::start(db).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    assert!(office.get(ROSTERS).await.with(200).says("还没有上传过花名册"));
    let row = |n: u32| format!("N{n},新生{n},,,student,学院,班级,\n");
    let bad = |n: u32| format!("B{n},,,139,student,学院,班级,\n");
    let lin = "2301001,林晓雨,990101200503170026,12000000009,student,信息工程学院,软件技术2302,2030-07-31\n";
    let file: String = std::iter::once(format!("{HEADER}\n{lin}"))
        .chain((0..700).map(row))
        .chain((0..60).map(bad))
        .collect();
    let path = sent(&office, &GBK.encode(&file).0).await;
    let checked = ended(&office, &path).await;
    for word in [
        ">待导入</span>",
        "新增 700，更改 1，不变 0，拒绝 60",
        "拒绝的行 60",
        "姓名没有填写；手机号须为 11 位数字，以 1 开头",
        "手机号 尾号 0001 → 尾号 0009；班级 软件技术2301 → 软件技术2302",
        "**雨",
        "上传花名册核对",
        "office（1001）",
    ] {
        assert!(checked.says(word), "{word}: {}", checked.html);
    }
    assert!(!checked.says("林晓雨") && !checked.says("12000000009"), "masked");
    assert_eq!(checked.html.matches(" data-head=\"原因\">").count(), 50, "the first ones");
    let people = "SELECT COUNT(*) AS n FROM person WHERE student_no LIKE 'N%'";
    assert_eq!(world.rows.number(people).await, 0);
    let form = office.get(&format!("{path}/start")).await.with(200);
    assert!(form.says("导入？新增 700，更改 1，拒绝 60。"), "{}", form.html);
    let started = office.submit(&form, &format!("{path}/start"), &[]).await.with(303);
    assert_eq!(started.location, path);
    let done = ended(&office, &path).await;
    for word in [">已导入</span>", "已写入", "新增 700，更改 1，不变 0，拒绝 60", "开始导入花名册"]
    {
        assert!(done.says(word), "{word}: {}", done.html);
    }
    assert_eq!(world.rows.number(people).await, 700);
    assert!(office.get(ROSTERS).await.with(200).says("新增 700，更改 1，不变 0，拒绝 60"));
    // The file has all of them.
    let file = office.submit(&done, &format!("{path}/refused"), &[("format", "csv")]).await;
    assert_eq!(file.with(200).html.lines().count(), 61);
    let sheet = office.submit(&done, &format!("{path}/refused"), &[("format", "xlsx")]).await;
    assert!(sheet.with(200).headers["content-type"].contains("spreadsheetml"));
    assert!(office.get(&path).await.with(200).says("导出花名册的拒绝行"));
    testkit::assert_authentic(&world.db).await;
}

/// In the file, on the page, in the file of what is refused: nothing of a row runs.
async fn names_are_names_whatever_they_look_like(db: &TestDb) {
    let world = World::start(db).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let names = ["王 小 明", "阿依努尔·买合苏提", "Ｌｉ　Ｍｉｎｇ", "<b>王</b>", "=1+1", "＝王"];
    let rows = |class: &str| {
        let row = |(n, name): (usize, &&str)| format!("M{n},{name},,,student,{class},,\n");
        names.iter().enumerate().map(row).collect::<String>()
    };
    let path = sent(&office, format!("{HEADER}\n{}", rows("学院")).as_bytes()).await;
    ended(&office, &path).await;
    let form = office.get(&format!("{path}/start")).await.with(200);
    office.submit(&form, &format!("{path}/start"), &[]).await.with(303);
    assert!(ended(&office, &path).await.says("新增 6，更改 0，不变 0，拒绝 0"));
    // Moved, with markup and formulas in what is shown of them, and rows that are refused.
    let odd = "=1+1,王,,,student,,,\n<i>,王,,,student,,,\n";
    let file = format!("{HEADER}\n{}{odd}", rows("<script>=2</script>"));
    let path = sent(&office, file.as_bytes()).await;
    let checked = ended(&office, &path).await;
    assert!(checked.says("新增 0，更改 6，不变 0，拒绝 2"), "{}", checked.html);
    assert!(!checked.says("<script>") && !checked.says("<b>") && !checked.says("<i>"));
    assert!(checked.says("&#60;script&#62;=2"), "{}", checked.html);
    let file = office.submit(&checked, &format!("{path}/refused"), &[("format", "csv")]).await;
    let lines: Vec<&str> = file.html.lines().skip(1).collect();
    let reason = "学号只能是 1 至 20 个字母、数字、横线或下划线";
    assert_eq!(lines, [format!("8,,{reason}"), format!("9,,{reason}")]);
}

async fn what_is_wrong_stands_above_the_form(db: &TestDb) {
    let world = World::start(db).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let list = office.get(ROSTERS).await.with(200);
    let nothing = office.send_file(&list, ROSTERS, ("", b"")).await.with(422);
    assert!(nothing.says("<title>错误：") && nothing.says("请选择文件"), "{}", nothing.html);
    for (file, told) in [
        (&b""[..], "文件是空的"),
        (b"a,b\n", "缺少列 student_no"),
        (b"\xFF\xFEs\0", "文件是 UTF-16 编码"),
    ] {
        let path = sent(&office, file).await;
        let failed = ended(&office, &path).await;
        assert!(failed.says(">没有办成</span>") && failed.says(told), "{}", failed.html);
        assert!(!failed.says(&format!("{path}/start")), "{}", failed.html);
    }
    // A form of another session, and one of another site.
    let foreign = Page { html: list.html.replace(&list.field("csrf"), "x"), ..list.clone() };
    office.send_file(&foreign, ROSTERS, ("a.csv", b"")).await.with(403);
    // One that is announced as too large is not received.
    let told = announced(&world, &office, 33 * 1024 * 1024).await;
    assert_eq!(told.status, 413);
    assert!(told.text().contains("文件最大 32 MB"), "{}", told.text());
    assert_eq!(world.rows.count("roster_job").await, 3);
    assert_eq!(world.rows.count("stored_file").await, 0);
}

/// The answer to the head of an upload of so many bytes.
async fn announced(world: &World, office: &Browser, bytes: usize) -> Answer {
    let address = world.api().address().to_owned();
    let cookie = office.cookie("__Host-onecard-staff").unwrap();
    let head = format!(
        "POST {ROSTERS} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\n\
         Connection: close\r\nCookie: __Host-onecard-staff={cookie}\r\n\
         Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {bytes}\r\n\r\n--b"
    );
    let asking = move || {
        let mut connection = TcpStream::connect(address).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        connection.write_all(head.as_bytes()).unwrap();
        let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
        while !answer.ends_with(b"</html>") && !answer.ends_with(b"</html>\n") {
            match connection.read(&mut piece).unwrap() {
                0 => break,
                read => answer.extend_from_slice(&piece[..read]),
            }
        }
        Answer::parse(&answer)
    };
    tokio::task::spawn_blocking(asking).await.unwrap()
}

/// A double click, the form of a colleague, and the way back.
async fn an_import_is_started_from_one_form(db: &TestDb) {
    let world = World::start(db).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let (other, _) = Browser::of(&world, "other", "1002", &["card_office"]).await;
    let path = sent(&office, format!("{HEADER}\nN1,新生,,,student,,,\n").as_bytes()).await;
    ended(&office, &path).await;
    let there = format!("{path}/start");
    let (form, theirs) = (office.get(&there).await.with(200), other.get(&there).await.with(200));
    for _ in 0..2 {
        let started = office.submit(&form, &there, &[]).await.with(303);
        assert_eq!(started.location, path);
    }
    let refused = other.submit(&theirs, &there, &[]).await.with(409);
    assert!(refused.says("这份花名册不在等待导入"), "{}", refused.html);
    assert!(refused.says("office（1001）"), "{}", refused.html);
    ended(&office, &path).await;
    // Back, and once more.
    office.submit(&form, &there, &[]).await.with(303);
    assert_eq!(other.get(&there).await.with(303).location, path);
    let started = "SELECT who FROM audit_entry WHERE act = 'roster.started'";
    assert_eq!(world.rows.texts(started).await.len(), 1);
    let imported =
        "SELECT who FROM audit_entry WHERE act = 'roster.imported' AND who LIKE 'staff%'";
    assert_eq!(world.rows.texts(imported).await, ["staff office, no. 1001"]);
}

async fn a_file_needs_a_fresh_second_factor(db: &TestDb) {
    let world = World::start(db).await;
    let (office, _) = Browser::of(&world, "office", "1001", &["card_office"]).await;
    let path = sent(&office, format!("{HEADER}\nN1,新生,,,student,,,\n").as_bytes()).await;
    let checked = ended(&office, &path).await;
    let list = office.get(ROSTERS).await.with(200);
    assert!(list.says("type=\"file\""));
    let ago = "UPDATE staff_session SET factor_at = factor_at - $1";
    world.change(ago, [(11 * 60_000_000_i64).into()]).await;
    let stale = office.get(ROSTERS).await.with(200);
    assert!(!stale.says("type=\"file\"") && stale.says("/staff/second-factor?next="));
    let there = format!("{path}/start");
    for page in [
        office.send_file(&list, ROSTERS, ("a.csv", b"")).await,
        office.get(&there).await,
        office.submit(&checked, &there, &[]).await,
    ] {
        assert!(page.with(303).location.starts_with("/staff/second-factor?next="));
    }
    assert_eq!(world.rows.count("stored_file").await, 1);
}
