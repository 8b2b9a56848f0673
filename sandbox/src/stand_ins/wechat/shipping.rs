//! `POST /wxa/sec/order/upload_shipping_info`: a payment is told to be delivered, and once again at most.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::WeChat;
use super::server_api::{ApiError, Members, answer, error};
use crate::stand_ins::wechat_pay::WechatPay;
use crate::state::lock;

const MOST: usize = 100_000;
const MOST_DESCRIPTION_CHARS: usize = 120;

/// A payment that was told to be delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shipment {
    pub at: DateTime<Utc>,
    pub app_id: String,
    pub transaction_id: String,
    pub logistics_type: u8,
    pub item_desc: String,
    /// How often it was told.
    pub times: u32,
}

#[derive(Debug, Default)]
pub(super) struct Shipments {
    known: HashMap<String, Shipment>,
}

impl Shipments {
    pub(super) fn all(&self) -> Vec<Shipment> {
        let mut all: Vec<_> = self.known.values().cloned().collect();
        all.sort_by_key(|shipment| std::cmp::Reverse(shipment.at));
        all
    }

    fn tell(&mut self, new: Shipment) -> Result<(), ApiError> {
        if let Some(known) = self.known.get_mut(&new.transaction_id) {
            if known.times >= 2 {
                return Err(error(10_060_003, "支付单已使用重新发货机会"));
            }
            if known.item_desc == new.item_desc && known.logistics_type == new.logistics_type {
                return Err(error(10_060_023, "发货信息未更新"));
            }
            *known = Shipment { times: known.times + 1, ..new };
            return Ok(());
        }
        if self.known.len() >= MOST {
            return Err(error(-1, "system error"));
        }
        self.known.insert(new.transaction_id.clone(), new);
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShippingWanted {
    order_key: OrderKey,
    logistics_type: u8,
    delivery_mode: u8,
    shipping_list: Vec<Item>,
    upload_time: String,
    payer: Payer,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderKey {
    order_number_type: u8,
    #[serde(default)]
    transaction_id: String,
    #[serde(default)]
    mchid: String,
    #[serde(default)]
    out_trade_no: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    item_desc: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payer {
    openid: String,
}

impl ShippingWanted {
    fn check(&self) -> Result<(), ApiError> {
        let items = &self.shipping_list;
        let described =
            |item: &Item| (1..=MOST_DESCRIPTION_CHARS).contains(&item.item_desc.chars().count());
        let time = DateTime::parse_from_rfc3339(&self.upload_time);
        let rules = [
            (matches!(self.order_key.order_number_type, 1 | 2), 47001, "订单单号类型有误"),
            ((1..=4).contains(&self.logistics_type), 10_060_005, "物流类型有误"),
            (self.delivery_mode == 1 && items.len() == 1, 10_060_006, "不允许分拆发货"),
            (items.iter().all(described), 47001, "商品描述有误"),
            (time.is_ok() && self.upload_time.contains('.'), 268_485_216, "上传时间非法"),
        ];
        let broken = rules.into_iter().find(|(kept, ..)| !kept);
        broken.map_or(Ok(()), |(_, code, why)| Err(error(code, why)))
    }
}

impl WeChat {
    /// The payments that were told to be delivered, newest first.
    pub fn shipments(&self) -> Vec<Shipment> {
        lock(&self.server_api).shipments.all()
    }

    fn ship(
        &self,
        pay: &WechatPay,
        app_id: &str,
        wanted: ShippingWanted,
    ) -> Result<Members, ApiError> {
        wanted.check()?;
        let key = &wanted.order_key;
        let paid = if key.order_number_type == 2 {
            pay.paid_by_transaction(&key.transaction_id)
        } else {
            pay.paid_by_number(&key.mchid, &key.out_trade_no)
        };
        let paid = paid.filter(|paid| paid.app_id == app_id);
        let paid = paid.ok_or_else(|| error(10_060_001, "支付单不存在"))?;
        if paid.openid != wanted.payer.openid {
            return Err(error(10_060_031, "该笔支付单不属于 openid 所指定的用户"));
        }
        let item = wanted.shipping_list.into_iter().next();
        let shipment = Shipment {
            at: self.clock.now(),
            app_id: app_id.to_owned(),
            transaction_id: paid.transaction_id,
            logistics_type: wanted.logistics_type,
            item_desc: item.map(|item| item.item_desc).unwrap_or_default(),
            times: 1,
        };
        lock(&self.server_api).shipments.tell(shipment)?;
        Ok(Members::new())
    }
}

pub(super) async fn upload(
    request: HttpRequest,
    body: web::Bytes,
    wechat: web::Data<WeChat>,
    pay: web::Data<WechatPay>,
) -> HttpResponse {
    let read = wechat.read::<ShippingWanted>(&request, &body);
    answer(read.and_then(|(app_id, wanted)| wechat.ship(&pay, &app_id, wanted)))
}
