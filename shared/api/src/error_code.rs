//! The stable codes of problem documents: one table of what each means, its status, and its cure.
//!
//! Programs distinguish errors by their code, so a code stays what it is once a version had it, and
//! the same mistake has the same code on every route. `docs/errors.md` is this table; a test
//! compares the two.

use std::fmt;

use axum::http::StatusCode;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! error_codes {
    ($($code:ident $status:ident $name:literal: $meaning:literal, $cure:literal;)*) => {
        /// What went wrong, for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorCode {
            $(
                #[doc = $meaning]
                #[doc = ""]
                #[doc = concat!("Cure: ", $cure)]
                $code,
            )*
        }

        impl ErrorCode {
            /// All of them, by status.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// As clients see it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            /// The HTTP status of its problems.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$code => StatusCode::$status,)* }
            }

            /// What it says, in a line.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$code => $meaning,)* }
            }

            /// What a client, or the people who run the service, can do about it.
            #[must_use]
            pub const fn cure(self) -> &'static str {
                match self { $(Self::$code => $cure,)* }
            }
        }
    };
}

error_codes! {
    MalformedQueryString BAD_REQUEST "malformed_query_string":
        "The query string is not one of a form",
        "Encode names and values with `%`, as `filter=a%20%3D%20%27b%27`";
    UnknownParameter BAD_REQUEST "unknown_parameter":
        "The route has no parameter of this name; `parameter` repeats it",
        "Use the name that the detail suggests";
    InvalidParameter BAD_REQUEST "invalid_parameter":
        "A parameter is there twice, missing, has no such value, or does not fit the others",
        "Use one of the values that the detail lists";
    MalformedBody BAD_REQUEST "malformed_body":
        "The body cannot be decoded as what its headers say",
        "Send what `Content-Type` and `Content-Encoding` name; the detail says where it broke";
    BadRequest BAD_REQUEST "bad_request":
        "The address or the head of the request cannot be read",
        "Encode the path as UTF-8 with `%`";
    HostMissing BAD_REQUEST "host_missing":
        "A request of HTTP/1.1 has no `Host` header",
        "Send exactly one";
    HostTwice BAD_REQUEST "host_twice":
        "A request has several `Host` headers",
        "Send exactly one; look at the proxy in between";
    HostInvalid BAD_REQUEST "host_invalid":
        "The `Host` header is no host",
        "Send a name or an address, and a port if need be";
    TwoLengths BAD_REQUEST "two_lengths":
        "`Content-Length` and `Transfer-Encoding` both say where the body ends",
        "Send one of them; look at the proxy in between";
    InvalidTime BAD_REQUEST "invalid_time":
        "`from` or `to` of a query is no time",
        "Use RFC 3339, a date, `now-7d`, `this_month` or milliseconds since 1970";
    OpenRange BAD_REQUEST "open_range":
        "`compare` needs a range, and an end of it is open",
        "Give `from` and `to`";
    EmptyRange BAD_REQUEST "empty_range":
        "`to` is not after `from`",
        "Give a range `[from, to)` that holds an instant";
    UnknownTimezone BAD_REQUEST "unknown_timezone":
        "There is no time zone of this name",
        "Use an IANA name, as `Europe/Berlin`";
    TimezoneDoesNotFit BAD_REQUEST "timezone_does_not_fit":
        "The zone's offset in this range is no multiple of the metric's granularity",
        "Ask in UTC, or define the metric with the granularity that the detail names";
    UnknownGranularity BAD_REQUEST "unknown_granularity":
        "There is no granularity of this name",
        "Use one that the detail lists";
    GranularityTooFine BAD_REQUEST "granularity_too_fine":
        "The granularity is finer than the one that the metric is stored in",
        "Ask for a coarser one, or define the metric with a finer `granularity`";
    UnknownMeasure BAD_REQUEST "unknown_measure":
        "The metric has no such measure",
        "Use the name that the detail suggests; `GET /v1/metrics/{name}` lists them";
    UnknownDimension BAD_REQUEST "unknown_dimension":
        "The metric has no such dimension; 404 where the path names it",
        "Use the name that the detail suggests; `GET /v1/metrics/{name}` lists them";
    UnknownColumn BAD_REQUEST "unknown_column":
        "`order_by` names no column of the answer",
        "Order by `time`, a dimension of `group_by` or a measure of `measures`";
    UnknownPartition BAD_REQUEST "unknown_partition":
        "`after` names a partition that the journal does not have",
        "Send the `position` of a receipt as it came";
    InvalidFilter BAD_REQUEST "invalid_filter":
        "`filter` cannot be read, or does not fit the metric's dimensions",
        "Write a condition over dimensions, as `country IN ('DE', 'FR')`";
    InvalidHaving BAD_REQUEST "invalid_having":
        "`having` cannot be read, or does not fit the query's measures",
        "Write a condition over measures, as `orders > 10`";
    NoKeys UNAUTHORIZED "no_keys":
        "The service is reached from beyond its machine and has no keys yet",
        "Make one on its machine: `merganser keys create --role admin`";
    KeyMissing UNAUTHORIZED "key_missing":
        "The request brings no key",
        "Send `Authorization: Bearer KEY`";
    MalformedAuthorization UNAUTHORIZED "malformed_authorization":
        "`Authorization` cannot be read",
        "Send `Bearer KEY`, or `Basic` with base64 of `name:KEY`";
    KeyUnknown UNAUTHORIZED "key_unknown":
        "The key that the request brings is none of this service's, or was revoked; an id that \
         names no key is `unknown_key`",
        "Ask the operator of the service for a key";
    KeyExpired UNAUTHORIZED "key_expired":
        "The key has expired",
        "Ask the operator of the service for a new one";
    SessionEnded UNAUTHORIZED "session_ended":
        "The session was not used for 12 hours, its key was revoked, or the service was restarted",
        "Open another one: `POST /v1/session`";
    Forbidden FORBIDDEN "forbidden":
        "The key's role or scope does not reach this route",
        "Use a key of the role that the detail names";
    BeyondScope FORBIDDEN "beyond_scope":
        "The filter that the key is bound to does not fit the metric",
        "Ask for another metric, or for a key with another filter";
    AnotherSite FORBIDDEN "another_site":
        "A page of another site, or under another host name, calls a service without keys; or \
         something else than the service's own page opens a session",
        "Make a key, and send it with each request";
    NotFound NOT_FOUND "not_found":
        "There is nothing at this address",
        "Look at `/docs`, which lists what there is";
    UnknownMetric NOT_FOUND "unknown_metric":
        "There is no such metric, or the key does not see it",
        "Use the name that the detail suggests; `GET /v1/metrics` lists them";
    UnknownRun NOT_FOUND "unknown_run":
        "There is no such run, or it is too long ago",
        "`GET /v1/runs` lists them";
    UnknownKey NOT_FOUND "unknown_key":
        "The path names an id that no key has; a request that brings an unknown key is \
         `key_unknown`",
        "`GET /v1/keys` lists them";
    UnknownCall NOT_FOUND "unknown_call":
        "The Segment API has no such call",
        "Use the name that the detail suggests";
    UnknownDashboard NOT_FOUND "unknown_dashboard":
        "There is no dashboard of this name",
        "Use the name that the detail suggests; `GET /v1/dashboards` lists them";
    UnknownQuarantineEntry NOT_FOUND "unknown_quarantine_entry":
        "The quarantine has no such entry, or no longer",
        "`GET /v1/quarantine` lists them";
    MethodNotAllowed METHOD_NOT_ALLOWED "method_not_allowed":
        "The address does not take this method",
        "Use one that the header `Allow` names";
    BodyTimeout REQUEST_TIMEOUT "body_timeout":
        "The body did not arrive in time, or paused for too long",
        "Send it again, in smaller pieces on a slow line; events with an `id` count once";
    RunActive CONFLICT "run_active":
        "A run is active; `Location` and `run` name it",
        "Follow it, or cancel it, and ask again";
    RunNotCancellable CONFLICT "run_not_cancellable":
        "The run publishes already, or has ended",
        "Nothing needs to be done; its record says how it ended";
    BackupActive CONFLICT "backup_active":
        "A back-up is being taken",
        "Ask again when it is done";
    LastAdminKey CONFLICT "last_admin_key":
        "It is the last key of role `admin`, and others exist",
        "Make another one first, or revoke the others first";
    TooManyKeys CONFLICT "too_many_keys":
        "There are as many keys as a service may have",
        "Revoke keys that are not used";
    PreconditionFailed PRECONDITION_FAILED "precondition_failed":
        "Another version stands than `If-Match` or `If-None-Match` allows to change",
        "Read it again, and change what is there now";
    BodyTooLarge PAYLOAD_TOO_LARGE "body_too_large":
        "The body has more bytes than are read",
        "Send it in parts; for events the setting `body_max_bytes` is the bound";
    DecompressedBodyTooLarge PAYLOAD_TOO_LARGE "decompressed_body_too_large":
        "The body has too many bytes after decompression",
        "Send it in parts, or raise the setting `decompressed_max_bytes`";
    TooManyEvents PAYLOAD_TOO_LARGE "too_many_events":
        "The request has more events than one may have",
        "Send them in several, or raise the setting `request_max_events`";
    RequestTooLarge PAYLOAD_TOO_LARGE "request_too_large":
        "The request's events do not fit one record of the journal",
        "Send them in several requests";
    QueryTooLarge PAYLOAD_TOO_LARGE "query_too_large":
        "The query alone needs more memory than it may have",
        "Ask for less: range, measures, dimensions; or raise the setting `query_memory_bytes`";
    TooManyGroups PAYLOAD_TOO_LARGE "too_many_groups":
        "The answer has more groups than are merged",
        "Ask for a shorter range, a coarser `granularity`, fewer dimensions or a `filter`";
    TooManyRows PAYLOAD_TOO_LARGE "too_many_rows":
        "The answer has more rows than are given at once",
        "Give a `limit` with `offset`, or ask for less";
    TooManyMetrics PAYLOAD_TOO_LARGE "too_many_metrics":
        "There are as many metrics as a service may have",
        "Delete metrics that are not queried";
    TooManyDashboards PAYLOAD_TOO_LARGE "too_many_dashboards":
        "There are as many dashboards as a service may have",
        "Delete dashboards that are not used";
    UriTooLong URI_TOO_LONG "uri_too_long":
        "The address has more bytes than are read",
        "Send the query as the body of `POST /v1/query`";
    UnsupportedMedia UNSUPPORTED_MEDIA_TYPE "unsupported_media":
        "The content type or encoding is not read here, or its header is no text",
        "Use one that the detail lists";
    InvalidRequest UNPROCESSABLE_ENTITY "invalid_request":
        "The body is JSON of another shape than the route takes",
        "Send the shape that the detail shows; `pointer` names the place";
    InvalidEvents UNPROCESSABLE_ENTITY "invalid_events":
        "All events of the request are invalid, or one is under `on_invalid=reject`; 400 on the \
         routes of Segment",
        "Mend what `invalid` says of each";
    InvalidDefinition UNPROCESSABLE_ENTITY "invalid_definition":
        "The metric's definition is wrong; `pointer` names the place",
        "Write what the detail expects there";
    InvalidDashboard UNPROCESSABLE_ENTITY "invalid_dashboard":
        "The dashboard's document or name is wrong; `pointer` names the place",
        "Write what the detail expects there";
    InvalidSchedule UNPROCESSABLE_ENTITY "invalid_schedule":
        "The schedule is wrong; `pointer` names the place",
        "Use cron expressions of five fields and an IANA time zone";
    InvalidKey UNPROCESSABLE_ENTITY "invalid_key":
        "The description of a new key is wrong; `pointer` names the place",
        "Write what the detail expects there";
    FirstKey UNPROCESSABLE_ENTITY "first_key":
        "The first key is not of role `admin`, so that no key could make another one",
        "Make one of role `admin` first";
    RateLimited TOO_MANY_REQUESTS "rate_limited":
        "The key makes more requests in a second than it may",
        "Wait for the seconds of `Retry-After`";
    TooManyStreams TOO_MANY_REQUESTS "too_many_streams":
        "The key follows as many answers as it may",
        "End one of them";
    Internal INTERNAL_SERVER_ERROR "internal":
        "A fault of the service",
        "Look in its log for the answer's `x-request-id`, and report it";
    Overloaded SERVICE_UNAVAILABLE "overloaded":
        "More is under way than the service may hold",
        "Wait for the seconds of `Retry-After` and send it again; nothing was acknowledged";
    BacklogFull SERVICE_UNAVAILABLE "backlog_full":
        "More events wait for a run than the setting `backlog_max_events`",
        "Wait for the seconds of `Retry-After` and send it again; nothing was acknowledged";
    ShuttingDown SERVICE_UNAVAILABLE "shutting_down":
        "The service is stopping",
        "Send it again; nothing was acknowledged";
    NotReady SERVICE_UNAVAILABLE "not_ready":
        "The service cannot accept or answer yet, or any more; `reasons` lists why",
        "Wait; if it stays so, look in its log";
    JournalStopped SERVICE_UNAVAILABLE "journal_stopped":
        "A write of the journal failed, so that nothing more can be acknowledged",
        "Look at the disk and the log, then restart the service";
    JournalUnavailable SERVICE_UNAVAILABLE "journal_unavailable":
        "The journal could not write this time; nothing of the request is stored",
        "Wait for the seconds of `Retry-After` and send it again";
    JournalUnreadable SERVICE_UNAVAILABLE "journal_unreadable":
        "The journal cannot be read for a back-up",
        "Look at the disk and the log";
    DataDirectoryGone SERVICE_UNAVAILABLE "data_directory_gone":
        "The data directory is not the one that the service was started on",
        "Put it back, then restart the service";
    SpeedLayerStopped SERVICE_UNAVAILABLE "speed_layer_stopped":
        "The speed layer has ended, so that answers would fall behind",
        "Look in the log, then restart the service";
    QuarantineFailed SERVICE_UNAVAILABLE "quarantine_failed":
        "The quarantine cannot be written, so that nothing is acknowledged",
        "Look at the disk and the log, then send it again";
    NotStored SERVICE_UNAVAILABLE "not_stored":
        "A change could not be stored; nothing was changed",
        "Try again; look at the disk and the log if it stays so";
    Backfilling SERVICE_UNAVAILABLE "backfilling":
        "The metric is new and its earlier events are not in yet; `progress` is from 0 to 1",
        "Wait, or ask with `partial=allow`";
    SpeedUnavailable SERVICE_UNAVAILABLE "speed_unavailable":
        "The speed store cannot be read",
        "Try again, look at Redis, or ask with `partial=allow`";
    Incomplete SERVICE_UNAVAILABLE "incomplete":
        "The answer would lack something; `missing` lists what",
        "Try again, or ask with `partial=allow`";
    ViewsMoving SERVICE_UNAVAILABLE "views_moving":
        "The views were published anew each time while the answer was read",
        "Try again";
    TooManyFollowed SERVICE_UNAVAILABLE "too_many_followed":
        "As many different queries are followed as may be",
        "Try again, or follow a query that others follow too";
    QueryTimeout GATEWAY_TIMEOUT "query_timeout":
        "The query took longer than one may",
        "Ask for a shorter range, a coarser `granularity` or fewer dimensions";
    PositionNotReached GATEWAY_TIMEOUT "position_not_reached":
        "The answer does not include `after` within its time; `reached` says how far it came",
        "Try again; look at the lag in `GET /v1/status`";
    TimedOut GATEWAY_TIMEOUT "timed_out":
        "No answer began in time; whether the request was carried out is not known",
        "Look whether it was, then try again; events with an `id` count once";
    DiskFull INSUFFICIENT_STORAGE "disk_full":
        "The disk is full or under its floor; nothing was acknowledged",
        "Make room, or lower the setting `disk_floor_bytes`";
}

impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        let names = Self::ALL.iter().map(|code| code.name());
        let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
        schema.description(Some("What went wrong, for programs")).into()
    }
}

impl ToSchema for ErrorCode {}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::{env, fs};

    use super::*;

    /// The line in the page below which everything is made.
    const MARK: &str = "<!-- What is below is made of shared/api/src/error_code.rs. -->";

    #[test]
    fn codes_are_words_that_stand_once_in_the_order_of_their_statuses() {
        let names: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        assert!(ErrorCode::ALL.is_sorted_by_key(|code| code.status()));
        for code in ErrorCode::ALL {
            let name = code.name();
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            let variant = format!("{code:?}").to_lowercase();
            assert_eq!(name.replace('_', ""), variant, "a code is named as its variant");
            for text in [code.meaning(), code.cure()] {
                assert!(!text.ends_with('.') && !text.contains('|'), "{name}: {text}");
            }
        }
    }

    /// `MERGANSER_WRITE_DOCS=1` writes the page anew.
    #[test]
    fn the_page_of_errors_lists_every_code_and_no_other() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
        let written = fs::read_to_string(&path).unwrap();
        let (head, listed) = written.split_once(MARK).expect("docs/errors.md has the line");
        let mut made =
            "\n\n| status | code | meaning | what to do |\n|---|---|---|---|\n".to_owned();
        for code in ErrorCode::ALL {
            let (status, meaning, cure) = (code.status().as_u16(), code.meaning(), code.cure());
            made += &format!("| {status} | `{code}` | {meaning} | {cure} |\n");
        }
        if env::var_os("MERGANSER_WRITE_DOCS").is_some() {
            fs::write(&path, format!("{head}{MARK}{made}")).unwrap();
            return;
        }
        let (listed, made): (Vec<&str>, Vec<&str>) =
            (listed.lines().collect(), made.lines().collect());
        let unlisted: Vec<_> = made.iter().filter(|line| !listed.contains(line)).collect();
        let unknown: Vec<_> = listed.iter().filter(|line| !made.contains(line)).collect();
        assert!(
            listed == made,
            "docs/errors.md lacks {unlisted:?} and has {unknown:?}; write it anew with \
             MERGANSER_WRITE_DOCS=1"
        );
    }
}
