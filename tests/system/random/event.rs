//! Events whose values the oracle knows as it made them, not as JSON spells them.

use super::pick;
use crate::load::Random;

/// Units of 10⁻⁹: how the oracle counts.
pub(super) const ONE: i128 = 1_000_000_000;

/// 2024-03-30T00:00:00Z: a month ends, and Europe's clocks change, within the days that follow.
pub(super) const START_MS: i64 = 1_711_756_800_000;

/// An event.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) id: u64,
    pub(super) kind: &'static str,
    pub(super) time_ms: i64,
    pub(super) subject: Option<u64>,
    pub(super) shop: Field,
    pub(super) size: Field,
    pub(super) amount: Field,
}

/// A property's value, and how it is spelt.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// JSON text; missing if none.
    json: Option<String>,
    pub(super) text: Option<String>,
    /// In units of 10⁻⁹, rounded half to even.
    pub(super) number: Option<i128>,
}

impl Field {
    fn missing() -> Self {
        Self { json: None, text: None, number: None }
    }

    fn null() -> Self {
        Self { json: Some("null".to_owned()), ..Self::missing() }
    }

    fn object() -> Self {
        Self { json: Some(r#"{"deep":[1,{"er":2}]}"#.to_owned()), ..Self::missing() }
    }

    /// Whether it is a number above 0, however little.
    pub(super) fn is_positive(&self) -> bool {
        let json = self.json.as_deref().unwrap_or_default();
        let mantissa = json.split(['e', 'E']).next().unwrap_or_default();
        let is_zero = !mantissa.contains(|digit| ('1'..='9').contains(&digit));
        self.number.is_some() && !json.starts_with('-') && !is_zero
    }

    fn text(text: &str) -> Self {
        let json = serde_json::to_string(text).unwrap();
        Self { json: Some(json), text: Some(text.to_owned()), number: None }
    }

    /// A number in one of its spellings, which is its text.
    fn number(json: String, units: Option<i128>) -> Self {
        Self { text: Some(json.clone()), json: Some(json), number: units }
    }
}

impl Event {
    pub(super) fn random(id: u64, random: &mut Random) -> Self {
        let minutes = i64::try_from(random.below(3 * 24 * 60)).unwrap();
        // Some events happen at one time.
        let (minutes, within) = match random.below(3) {
            0 => (minutes / 120 * 120, 0),
            _ => (minutes, i64::try_from(random.below(60_000)).unwrap()),
        };
        Self {
            id,
            kind: pick(random, &["sale", "sale", "refund", "visit"]),
            time_ms: START_MS + minutes * 60_000 + within,
            subject: (random.below(3) > 0).then(|| random.below(40)),
            shop: shop(random),
            size: size(random),
            amount: amount(random),
        }
    }

    /// As it is sent.
    pub(super) fn line(&self) -> String {
        let fields = [("shop", &self.shop), ("size", &self.size), ("amount", &self.amount)];
        let properties: Vec<String> = fields
            .iter()
            .filter_map(|(name, field)| Some(format!("\"{name}\":{}", field.json.as_ref()?)))
            .collect();
        let subject = self.subject.map_or(String::new(), |s| format!("\"subject\":\"s{s}\","));
        format!(
            r#"{{"id":"e{}","event":"{}","time":{},{subject}"properties":{{{}}}}}"#,
            self.id,
            self.kind,
            self.time_ms,
            properties.join(",")
        )
    }
}

fn shop(random: &mut Random) -> Field {
    match random.below(12) {
        0 => Field::missing(),
        1 => Field::null(),
        2 => Field::object(),
        3 => Field::number("7.50".to_owned(), Some(7 * ONE + ONE / 2)),
        4 => Field::text("Café \"é\" \u{1F986}\n,;'"),
        5 => Field::text(""),
        _ => Field::text(pick(random, &["north", "south", "west", "North"])),
    }
}

fn size(random: &mut Random) -> Field {
    match random.below(8) {
        0 => Field::missing(),
        1 => Field { json: Some("true".to_owned()), text: Some("true".to_owned()), number: None },
        _ => {
            let size = random.below(4);
            Field::number(size.to_string(), Some(i128::from(size) * ONE))
        }
    }
}

fn amount(random: &mut Random) -> Field {
    let small = i128::from(random.below(2_000_000)) - 1_000_000;
    match random.below(14) {
        0 => Field::missing(),
        1 => Field::null(),
        2 => Field::text("12"),
        3 => Field::object(),
        // Outside of what a decimal holds.
        4 => Field::number("1e30".to_owned(), None),
        5 => Field::number(format!("{small}e18"), Some(small * 10_i128.pow(18) * ONE)),
        6 => Field::number("0.0000000005".to_owned(), Some(0)),
        7 => Field::number("-1.0000000015".to_owned(), Some(-ONE - 2)),
        8 => Field::number(format!("{small}.50"), Some(small * ONE + half(small))),
        _ => Field::number(format!("{small}E-3"), Some(small * ONE / 1000)),
    }
}

/// `-3.50` lies below -3. There is no `-0` among the whole numbers.
fn half(whole: i128) -> i128 {
    if whole < 0 { -ONE / 2 } else { ONE / 2 }
}
