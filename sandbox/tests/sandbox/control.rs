//! The control page and its JSON twin.

use serde_json::{Value, json};

use crate::support::{Receiver, World, location};

const NUMBER: &str = "CC|2026*0001";
const ESCAPED: &str = "CC%7C2026%2A0001";

async fn json_of(response: reqwest::Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn an_empty_sandbox_says_so() {
    let world = World::start().await;
    for path in ["/", "/sandbox", "/sandbox?page=9&tries=9"] {
        let page = world.get(path).await;
        assert_eq!(page.status(), 200);
        assert!(page.headers().contains_key("content-security-policy"));
        let text = page.text().await.unwrap();
        for part in ["还没有订单", "还没有发送过通知", "林晓雨"] {
            assert!(text.contains(part), "{part}");
        }
    }
    for path in ["/sandbox/assets/sandbox.css", "/sandbox/assets/sandbox.js"] {
        assert_eq!(world.get(path).await.status(), 200);
    }
    assert_eq!(world.get("/nowhere").await.status(), 404);
    assert_eq!(json_of(world.get("/sandbox/api/payments").await).await.1["items"], json!([]));
}

#[tokio::test]
async fn the_twin_does_what_the_page_does() {
    let receiver = Receiver::start(&[]);
    let world = World::start().await;
    world.prepay(&world.order(NUMBER, &receiver.notify_url)).await;
    let api = format!("/sandbox/api/payments/{ESCAPED}");

    assert_eq!(world.get("/sandbox/api/payments/none").await.status(), 404);
    for (act, status) in [("none/pay", 404), ("none/dance", 404)] {
        let path = format!("/sandbox/api/payments/{act}");
        assert_eq!(world.post_json(&path, &json!({})).await.status(), status, "{act}");
    }
    let early = world.post_json(&format!("{api}/repeat"), &json!({ "times": 2 })).await;
    assert_eq!(early.status(), 409);
    let (_, failed) = json_of(world.post_form(&format!("{api}/fail"), &[]).await).await;
    assert_eq!(failed["failures"], 1);
    let (_, paid) = json_of(world.post_json(&format!("{api}/pay"), &json!({})).await).await;
    assert_eq!((&paid["trade_state"], &paid["total_fen"]), (&json!("SUCCESS"), &json!(5000)));
    world.sandbox().wechat_pay.until(NUMBER, |payment| payment.accepted == 1).await;

    let how = json!({ "times": 8, "parallel": 8 });
    let (status, tally) = json_of(world.post_json(&format!("{api}/repeat"), &how).await).await;
    assert_eq!((status, &tally["accepted"]), (200, &json!(8)));
    let unknown = world.post_json(&format!("{api}/repeat"), &json!({ "count": 2 })).await;
    assert_eq!(unknown.status(), 400);

    let path = format!("/sandbox/api/deliveries?out_trade_no={ESCAPED}");
    let (_, deliveries) = json_of(world.get(&path).await).await;
    assert_eq!(deliveries["items"].as_array().unwrap().len(), 9);
    assert_eq!(
        deliveries["items"][0]["outcome"],
        json!({
            "kind": "answered", "status": 204, "body": "",
        })
    );
    assert_eq!(json_of(world.get(&api).await).await.1["accepted"], 9);
}

#[tokio::test]
async fn the_buttons_work_without_scripts() {
    let receiver = Receiver::start(&[]);
    let world = World::start().await;
    world.prepay(&world.order(NUMBER, &receiver.notify_url)).await;
    let form = format!("/sandbox/payments/{ESCAPED}");
    let page = world.get("/sandbox").await.text().await.unwrap();
    assert!(page.contains(&format!("action=\"{form}/pay\"")), "{page}");

    let settings = [("speed", "60"), ("callbacks", "manual")];
    assert_eq!(world.post_form("/sandbox/settings", &settings).await.status(), 303);
    let (_, kept) = json_of(world.get("/sandbox/api/settings").await).await;
    let expected = json!({ "speed": 60, "callbacks": "manual", "clock_offset_seconds": 0 });
    assert_eq!(kept, expected);

    let paid = world.post_form(&format!("{form}/pay"), &[]).await;
    assert_eq!((paid.status().as_u16(), location(&paid).as_str()), (303, "/sandbox#payments"));
    assert!(world.get("/").await.text().await.unwrap().contains("已扣留"));
    assert_eq!(world.post_form(&format!("{form}/deliver"), &[]).await.status(), 303);
    let pay = &world.sandbox().wechat_pay;
    pay.until(NUMBER, |payment| payment.accepted == 1).await;
    let times = [("times", "3"), ("parallel", "64")];
    assert_eq!(world.post_form(&format!("{form}/repeat"), &times).await.status(), 303);
    assert_eq!(receiver.received().len(), 4);
    assert_eq!(world.post_form(&format!("{form}/drop"), &[]).await.status(), 303);
    assert_eq!(world.post_form(&format!("{form}/pay"), &[]).await.status(), 409);
    let page = world.get("/").await.text().await.unwrap();
    assert!(page.contains("已丢弃") && page.contains("成功 4 / 共 4 次"));
}

#[tokio::test]
async fn lists_are_paged() {
    let world = World::start().await;
    for number in 0..21 {
        let order = world.order(&format!("PAGED{number:06}"), "https://card.example.edu.cn/x");
        world.prepay(&order).await;
    }
    let (_, first) = json_of(world.get("/sandbox/api/payments?limit=20").await).await;
    assert_eq!((&first["next_cursor"], &first["total"]), (&json!(20), &json!(21)));
    assert_eq!(first["items"][0]["out_trade_no"], "PAGED000020");
    let (_, last) = json_of(world.get("/sandbox/api/payments?limit=20&cursor=20").await).await;
    assert_eq!((&last["next_cursor"], last["items"].as_array().unwrap().len()), (&Value::Null, 1));
    let page = world.get("/sandbox?page=2").await.text().await.unwrap();
    assert!(page.contains("PAGED000000") && !page.contains("PAGED000001"));
    assert!(page.contains("第 2 / 2 页"));
}
