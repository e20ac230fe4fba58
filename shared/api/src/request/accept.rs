//! The `Accept` header: which of the formats that there are a client likes best (RFC 9110, 12.5.1).

use std::cmp::Reverse;

use axum::http::{HeaderMap, header};

/// Quality in thousandths, as fine as the header can say it.
type QualityValue = u16;

/// A media range as `text/*;q=0.5`.
struct MediaRange {
    kind: String,
    subtype: String,
    quality: QualityValue,
}

impl MediaRange {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let quality = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| quality(value.trim()))
        });
        Some(Self {
            kind: kind.trim().to_ascii_lowercase(),
            subtype: subtype.trim().to_ascii_lowercase(),
            quality: quality.unwrap_or(1000),
        })
    }

    /// How closely it names a media type: 2 by name, 1 by its kind, 0 with all others.
    fn fits(&self, media_type: &str) -> Option<u8> {
        let (kind, subtype) = media_type.split_once('/')?;
        match (&*self.kind, &*self.subtype) {
            ("*", "*") => Some(0),
            (k, "*") if k == kind => Some(1),
            (k, s) if k == kind && s == subtype => Some(2),
            _ => None,
        }
    }
}

/// What is no number counts as not wanted.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn quality(text: &str) -> QualityValue {
    text.parse::<f64>().map_or(0, |q| (q.clamp(0.0, 1.0) * 1000.0).round() as QualityValue)
}

/// The position in `offers` of the media type that the client likes best. The closest range decides
/// how much it likes one; among equals the one that is named most closely wins, then the one that
/// is named first, then the one that is offered first. `None` when there is no header or none is
/// acceptable.
#[must_use]
pub fn preferred_media_type(headers: &HeaderMap, offers: &[&str]) -> Option<usize> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<MediaRange> =
        values.flat_map(|value| value.split(',')).filter_map(MediaRange::parse).collect();
    let liked = |(at, offer): (usize, &&str)| {
        let media_type = offer.split(';').next().unwrap_or(offer).trim();
        let fitting = ranges.iter().enumerate();
        let fitting = fitting.filter_map(|(place, range)| Some((range.fits(media_type)?, place)));
        let (closeness, place) = fitting.max_by_key(|(fit, place)| (*fit, Reverse(*place)))?;
        let quality = ranges[place].quality;
        (quality > 0).then_some((quality, closeness, Reverse(place), Reverse(at)))
    };
    let best = offers.iter().enumerate().filter_map(liked).max();
    best.map(|(.., Reverse(at))| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERS: [&str; 3] = ["application/json", "text/csv; charset=utf-8", "text/event-stream"];

    #[test]
    fn the_best_liked_wins_and_what_is_refused_never_does() {
        for (accept, wanted) in [
            ("application/json", Some(0)),
            ("text/csv", Some(1)),
            ("text/event-stream", Some(2)),
            ("text/event-stream;q=0", None),
            ("text/event-stream;q=0, */*", Some(0)),
            ("application/json, text/event-stream;q=0.1", Some(0)),
            ("application/json;q=0.1, text/event-stream", Some(2)),
            ("application/json;q=0, text/csv", Some(1)),
            ("application/json;q=0, */*;q=0.5", Some(1)),
            ("text/csv, application/json", Some(1)),
            ("*/*", Some(0)),
            ("*/*, text/csv", Some(1)),
            ("text/*", Some(1)),
            ("text/*;q=0.5, application/*;q=0.4", Some(1)),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Some(0)),
            ("TEXT/CSV ; header=present ; Q=0.7 , application/json; q=0.6", Some(1)),
            ("text/csv;q=nonsense, application/json;q=0.001", Some(0)),
            ("image/png", None),
            ("nonsense,,;q=1", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(preferred_media_type(&headers, &OFFERS), wanted, "{accept}");
        }
        assert_eq!(preferred_media_type(&HeaderMap::new(), &OFFERS), None);
        let mut headers = HeaderMap::new();
        headers.append(header::ACCEPT, "application/json;q=0.2".parse().unwrap());
        headers.append(header::ACCEPT, "text/csv".parse().unwrap());
        assert_eq!(
            preferred_media_type(&headers, &OFFERS),
            Some(1),
            "several headers are one list"
        );
    }
}
