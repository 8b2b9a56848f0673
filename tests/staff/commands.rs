//! `onecard staff …` as an operator uses it.

use super::support::{FIRST_PASSWORD, Member, code, login_body, secret_of, sign_in};
use std::{fs, io::Write, process::Stdio};
use testkit::{Program, TestDb, World, assert_authentic, on_each_database};

on_each_database!(an_operator_manages_logins, a_rotation_of_keys_keeps_second_factors);

/// The secret in what a command printed.
fn printed(out: &str) -> String {
    let line = out.lines().find(|line| line.trim_start().starts_with("secret")).unwrap();
    line.split_whitespace().nth(1).unwrap().to_owned()
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn an_operator_manages_logins(db: &TestDb) {
    let world = World::start(db).await;
    let program = Program::of(&world, crate::ONECARD);
    let file = world.path("password");
    fs::write(&file, format!("{FIRST_PASSWORD}\nthe second line\n")).unwrap();
    let short = world.path("short");
    fs::write(&short, "short\n").unwrap();
    let add = |login: &str, roles: &str, file: &str| {
        format!(
            "staff add --school xnec --login {login} --staff-no 1001 --password-file {file} --role {roles}"
        )
    };
    let run = async |command: &str| {
        let command: Vec<&str> = command.split(' ').chain(["--reason", "开学"]).collect();
        program.run(&command).await
    };
    let (exit, out, err) = run(&add("li", "finance auditor", &file)).await;
    assert_eq!(exit, 0, "{err}");
    assert!(out.starts_with("added      xnec/li  no. 1001  finance,auditor\n"), "{out}");
    assert!(!out.contains(FIRST_PASSWORD) && !err.contains(FIRST_PASSWORD));
    let secret = secret_of(&printed(&out));
    let member = Member::enrol(&world, "li", &secret).await;
    let refused = [
        (add("li", "finance", &file), 1, "there is a login li already"),
        (add("wang", "finance", &short), 1, "at least 10 characters"),
        (add("wang", "owner", &file), 2, "card_office, finance, network_center"),
        (add("Wang", "finance", &file), 2, "1 to 32 of the characters"),
        (add("wang", "finance", "nowhere"), 1, "nowhere: "),
        ("staff add --school xnec --login wang --staff-no 1".to_owned(), 2, "--role"),
        ("staff disable --school xnec --login wang".to_owned(), 1, "there is no login wang"),
        ("staff reset-factor --school xnec --login wang".to_owned(), 1, "there is no login wang"),
        (
            format!("staff set-classes --school xnec --login li --class {}", "长".repeat(61)),
            1,
            "60",
        ),
        ("staff list --school nowhere".to_owned(), 1, "there is no school nowhere"),
    ];
    for (command, expected, told) in &refused {
        let (exit, out, err) = run(command).await;
        assert_eq!((exit, out.as_str()), (*expected, ""), "{command}: {err}");
        assert!(err.contains(told), "{command}: {err}");
    }
    let (_, out, _) = run("staff list --school xnec").await;
    let line = "li  no. 1001  finance,auditor  enabled  own factor  last sign-in 20";
    assert!(out.starts_with(line), "{out}");
    for (act, state) in [("disable", "disabled"), ("enable", "enabled")] {
        for said in ["changed  ", "unchanged"] {
            let (_, out, _) = run(&format!("staff {act} --school xnec --login li")).await;
            assert_eq!(out, format!("{said}  xnec/li  {state}\n"));
        }
    }
    let classes = "SELECT COALESCE(classes, '-') FROM staff_member WHERE login = 'li'";
    for (given, said, kept) in [
        (" --class 护理2302 护理2301 护理2302", "changed  ", "护理2301\n护理2302"),
        (" --class 护理2301 护理2302", "unchanged", "护理2301\n护理2302"),
        ("", "changed  ", "-"),
    ] {
        let (_, out, err) =
            run(&format!("staff set-classes --school xnec --login li{given}")).await;
        assert_eq!(out, format!("{said}  xnec/li\n"), "{given}: {err}");
        assert_eq!(world.rows.texts(classes).await, [kept], "{given}");
    }
    let (exit, out, err) = run("staff reset-factor --school xnec --login li").await;
    assert_eq!(exit, 0, "{err}");
    let old = sign_in(&world.api(), &login_body("li", &code(&member.secret, 0))).await;
    old.problem("the lost factor", 401, "staff_sign_in_refused");
    Member::enrol_as(&world, "li", &secret_of(&printed(&out)), login_body).await;
    let acts = "SELECT act || ' | ' || subject || ' | ' || who || ' | ' || why FROM audit_entry \
        WHERE act LIKE 'staff.%' AND who LIKE 'command%' ORDER BY position";
    let told =
        ["added", "disabled", "enabled", "classes_changed", "classes_changed", "factor_reset"]
            .map(|act| format!("staff.{act} | staff li | command line, user unknown | 开学"));
    assert_eq!(world.rows.texts(acts).await, told);
    from_standard_input(&program);
    assert_authentic(&world.db).await;
}

fn from_standard_input(program: &Program) {
    let arguments = "staff add --school xnec --login zhao --staff-no 1002 --role card_office";
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let mut command = program.command(&arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{FIRST_PASSWORD}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && out.contains("xnec/zhao"), "{out}");
}

async fn a_rotation_of_keys_keeps_second_factors(db: &TestDb) {
    let world = World::start(db).await;
    let mut program = Program::of(&world, crate::ONECARD);
    let file = world.path("password");
    fs::write(&file, FIRST_PASSWORD).unwrap();
    let add = format!(
        "staff add --school xnec --login li --staff-no 1001 --role finance --password-file {file}"
    );
    let (exit, out, err) = program.run(&add.split(' ').collect::<Vec<_>>()).await;
    assert_eq!(exit, 0, "{err}");
    let member = Member::enrol(&world, "li", &secret_of(&printed(&out))).await;
    for (name, value) in [
        ("ID", "k2"),
        ("KEY", "base64:CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg="),
        ("PREVIOUS", "k1=base64:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="),
    ] {
        program.set(&format!("KEYS__DATA__{name}"), value);
    }
    program.unset("KEYS__DATA");
    for written in [1, 0] {
        let (exit, out, err) = program.run(&["rekey", "data"]).await;
        assert_eq!(exit, 0, "{out}{err}");
        assert!(out.contains(&format!("{written} logins of staff written\n")), "{out}");
    }
    program.start().await;
    let right = login_body("li", &code(&member.secret, 0));
    sign_in(&program.api(), &right).await.body(200);
    assert_authentic(&world.db).await;
}
