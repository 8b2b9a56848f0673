//! A platform's template of a message, and what fills its fields.

use super::{StudentMessage, Told};

/// What a field of a template is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageSource {
    /// `¥50.00`
    Amount,
    /// `2026年1月5日 10:00`, in Asia/Shanghai.
    Time,
    /// Our number of the payment or refund: 32 characters.
    Number,
    /// `电子账户充值` or `充值退款`.
    What,
    /// `已到账` or `已退款`.
    State,
    /// The school's name.
    School,
}

/// The most fields of a template.
const MOST_FIELDS: usize = 10;

impl MessageSource {
    /// As it is configured.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "amount" => Self::Amount,
            "time" => Self::Time,
            "number" => Self::Number,
            "what" => Self::What,
            "state" => Self::State,
            "school" => Self::School,
            _ => return None,
        })
    }

    /// What a message fills it with. Never empty.
    pub fn text(self, message: &StudentMessage) -> String {
        let of = |credited: &str, refunded: &str| match message.told {
            Told::Credited => credited.to_owned(),
            Told::Refunded => refunded.to_owned(),
        };
        match self {
            Self::Amount => message.amount.to_string(),
            Self::Time => chinese_time(&message.at.to_rfc3339()),
            Self::Number => message.number.clone(),
            Self::What => of("电子账户充值", "充值退款"),
            Self::State => of("已到账", "已退款"),
            Self::School => message.school.clone(),
        }
    }
}

/// `2026年1月5日 10:00`, from RFC 3339.
fn chinese_time(rfc3339: &str) -> String {
    let (day, time) = rfc3339.split_once('T').unwrap_or((rfc3339, ""));
    let mut numbers = day.split('-').map(|number| number.trim_start_matches('0'));
    let (year, month, day) = (numbers.next(), numbers.next(), numbers.next());
    let [year, month, day] = [year, month, day].map(Option::unwrap_or_default);
    format!("{year}年{month}月{day}日 {}", time.get(..5).unwrap_or_default())
}

/// A template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageTemplate {
    /// The platform's id of it.
    pub id: String,
    /// Its fields by the platform's keys, each with what fills it.
    pub fields: Vec<(String, MessageSource)>,
}

impl MessageTemplate {
    /// A template with fields written as `thing1=what`; `None` where one is not, or where there are none
    /// or too many, or one twice. `fits` says whether a key can hold what is to fill it.
    pub fn new(
        id: String,
        fields: &[String],
        fits: impl Fn(&str, MessageSource) -> bool,
    ) -> Option<Self> {
        let mut read: Vec<(String, MessageSource)> = Vec::new();
        for field in fields {
            let (key, source) = field.split_once('=')?;
            let (key, source) = (key.trim(), MessageSource::from_name(source.trim())?);
            if !fits(key, source) || read.iter().any(|(known, _)| known == key) {
                return None;
            }
            read.push((key.to_owned(), source));
        }
        (1..=MOST_FIELDS).contains(&read.len()).then_some(Self { id, fields: read })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_they_are_configured() {
        let read = |fields: &[&str]| {
            let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
            let template = MessageTemplate::new("t".into(), &fields, |key, _| key != "bad1");
            template.map(|template| template.fields)
        };
        let amount = ("amount1".to_owned(), MessageSource::Amount);
        assert_eq!(read(&["amount1=amount"]), Some(vec![amount.clone()]));
        let state = ("phrase2".to_owned(), MessageSource::State);
        assert_eq!(read(&["amount1 = amount", "phrase2=state"]), Some(vec![amount, state]));
        let eleven: Vec<String> = (0..11).map(|n| format!("thing{n}=what")).collect();
        let eleven: Vec<&str> = eleven.iter().map(String::as_str).collect();
        let refused: [&[&str]; 6] = [
            &[],
            &["amount1"],
            &["amount1=name"],
            &["bad1=amount"],
            &["thing1=what", "thing1=state"],
            &eleven,
        ];
        for fields in refused {
            assert_eq!(read(fields), None, "{fields:?}");
        }
    }

    #[test]
    fn times_are_written_as_people_read_them() {
        for (at, text) in [
            ("2026-01-05T10:00:59+08:00", "2026年1月5日 10:00"),
            ("2026-11-30T00:07:00+08:00", "2026年11月30日 00:07"),
        ] {
            assert_eq!(chinese_time(at), text);
        }
    }
}
