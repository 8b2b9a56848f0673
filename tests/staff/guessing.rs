//! A week of guesses at a second factor or a recovery code by somebody who knows the password: few are
//! looked at, and none keeps the owner out.

use super::support::{Member, PASSWORD, add, server};
use onecard::{
    base::clock::{Clock, ManualClock},
    passwords::PasswordFault,
    staff_accounts::{SignInOutcome, StaffAccounts, StaffSignIn, StaffSignInError},
};
use secrecy::SecretString;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use testkit::{TestDb, World, assert_authentic, now, on_each_database};

on_each_database!(a_week_of_guesses_is_bounded_and_locks_nobody_out);

const WEEK: Duration = Duration::from_hours(7 * 24);
/// Five, then after one minute, two, four and so on up to four hours.
const LOOKED_AT: usize = 5 + 8 + 7 * 6;

/// An attempt with the right password.
fn attempt(client_token: Option<&str>) -> StaffSignIn {
    StaffSignIn {
        school: "xnec".to_owned(),
        login: "li".to_owned(),
        password: PASSWORD.into(),
        totp: None,
        recovery_code: None,
        client_token: client_token.map(SecretString::from),
        first_code: None,
        new_password: None,
    }
}

/// Guesses whenever that is allowed, for a week; how many were looked at.
async fn guess(
    accounts: &StaffAccounts,
    clock: &ManualClock,
    guess: impl Fn() -> StaffSignIn,
) -> usize {
    let (until, mut looked_at) = (clock.now().plus(WEEK), 0);
    while clock.now() < until {
        match accounts.sign_in(guess()).await {
            Err(StaffSignInError::Refused) => looked_at += 1,
            Err(StaffSignInError::Password(PasswordFault::TooManyTries { wait })) => {
                clock.advance(wait);
            }
            other => panic!("{other:?}"),
        }
    }
    // Whoever comes next finds the guesser waiting.
    loop {
        match accounts.sign_in(guess()).await {
            Err(StaffSignInError::Refused) => {}
            Err(StaffSignInError::Password(PasswordFault::TooManyTries { .. })) => break,
            other => panic!("{other:?}"),
        }
    }
    looked_at
}

/// Six digits that are no code around now.
fn wrong(member: &Member, clock: &ManualClock) -> &'static str {
    let step = Duration::from_secs(30);
    let now = clock.now();
    let codes = [now.minus(step), now, now.plus(step)].map(|at| member.secret.code(at).to_string());
    let mut guesses = ["000000", "111111", "222222", "333333"].into_iter();
    guesses.find(|guess| codes.iter().all(|code| code != guess)).unwrap()
}

#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
async fn a_week_of_guesses_is_bounded_and_locks_nobody_out(db: &TestDb) {
    let world = World::start(db).await;
    let school = world.rows.school("xnec").await;
    let printed = add(&world.db, school, ("li", "1001", &["finance"])).await;
    let member = Member::enrol(&world, "li", &printed).await;
    let renewed = member.post("/api/v1/staff/account/recovery-codes", &json!({})).await.body(200);
    let own = |nth: usize| renewed["recovery_codes"][nth].as_str().unwrap().to_owned();
    let clock = Arc::new(ManualClock::new(now()));
    let accounts = server(&world, &clock);
    let at_home = Some(member.client_token.as_str());
    for (what, token, at) in [
        ("codes of strangers", None, "totp"),
        ("recovery codes of strangers", None, "recovery"),
        ("recovery codes at the own browser", at_home, "recovery"),
    ] {
        let looked_at = guess(&accounts, &clock, || {
            let mut guess = attempt(token);
            match at {
                "totp" => guess.totp = Some(wrong(&member, &clock).into()),
                _ => guess.recovery_code = Some("ABCD-EFGH-IJKL-MNOP".into()),
            }
            guess
        });
        let looked_at = looked_at.await;
        println!("{what}: {looked_at} in a week");
        assert!((40..=LOOKED_AT).contains(&looked_at), "{what}: {looked_at}");
        if token.is_none() {
            // The owner comes in at the own browser meanwhile; the same code a second time does not.
            let mut signs_in = attempt(at_home);
            signs_in.totp = Some(member.secret.code(clock.now()).to_string().into());
            let granted = accounts.sign_in(signs_in).await.unwrap();
            assert!(matches!(granted, SignInOutcome::Granted(_)), "{granted:?}");
            let mut again = attempt(at_home);
            again.totp = Some(member.secret.code(clock.now()).to_string().into());
            let replayed = accounts.sign_in(again).await;
            assert!(matches!(replayed, Err(StaffSignInError::Refused)), "{replayed:?}");
        }
    }
    // A recovery code is good once.
    clock.advance(Duration::from_hours(24));
    let recover = async |code: String| {
        let mut recovers = attempt(at_home);
        recovers.recovery_code = Some(code.into());
        accounts.sign_in(recovers).await
    };
    let offered = recover(own(0)).await.unwrap();
    assert!(matches!(offered, SignInOutcome::MustEnrol(_)), "{offered:?}");
    let again = recover(own(0)).await;
    assert!(matches!(again, Err(StaffSignInError::Refused)), "{again:?}");
    let other = recover(own(1)).await.unwrap();
    assert!(matches!(other, SignInOutcome::MustEnrol(_)), "{other:?}");
    assert_authentic(&world.db).await;
}
