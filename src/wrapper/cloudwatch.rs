//! CloudWatch Logs: subscription envelopes, and the events in them or in saved responses.
//!
//! An event is a message with its time, and also `extractedFields` if a filter pattern named its
//! columns. Firehose writes events with only a message, and Logs Insights writes `@message` and
//! `@timestamp`. In the responses of its API, each row is an array of `{"field": …, "value": …}`.

use std::borrow::Cow;

use super::json::Json;

/// Returns the events of a subscription envelope.
pub(super) fn log_events<'v, 'a>(value: &'v Json<'a>) -> Option<&'v [Json<'a>]> {
    value.get("logEvents")?.elements()
}

/// Whether this is the control message that CloudWatch sends to test its destination.
pub(super) fn is_control(value: &Json<'_>) -> bool {
    value.get("messageType").and_then(Json::text) == Some("CONTROL_MESSAGE")
}

/// Whether these are the cells of a row of a Logs Insights response.
pub(super) fn is_response_row(cells: &[Json<'_>]) -> bool {
    let is_cell = |cell: &Json<'_>| cell.get("field").is_some_and(|name| name.text().is_some());
    !cells.is_empty() && cells.iter().all(is_cell)
}

/// Converts such a row to an object.
pub(super) fn response_object<'a>(cells: &[Json<'a>]) -> Json<'a> {
    let member = |cell: &Json<'a>| -> Option<(Cow<'a, str>, Json<'a>)> {
        let Some(Json::Text(name)) = cell.get("field") else {
            return None;
        };
        let value = cell.get("value").cloned().unwrap_or(Json::Null);
        Some((name.clone(), value))
    };
    Json::Object(cells.iter().filter_map(member).collect())
}

/// Returns the message of an event.
pub(super) fn message<'v, 'a>(event: &'v Json<'a>) -> Option<&'v Json<'a>> {
    let messages = MESSAGE_KEYS.iter().filter_map(|key| event.get(key));
    messages
        .into_iter()
        .find(|message| matches!(message, Json::Text(_) | Json::Object(_)))
}

/// Returns the time of an event in milliseconds since the epoch.
pub(super) fn time_ms(event: &Json<'_>) -> Option<i64> {
    if let Some(time) = event.get("timestamp") {
        return time.whole();
    }
    // Logs Insights writes `2024-05-01 12:00:03.000`, in UTC but without a zone.
    let text = event.get("@timestamp")?.text()?;
    let time: jiff::civil::DateTime = text.trim_end_matches('Z').parse().ok()?;
    let time = jiff::tz::TimeZone::UTC.to_timestamp(time).ok()?;
    Some(time.as_millisecond())
}

/// Returns the object next to the message that may hold the same record as named values.
pub(super) fn named_values<'v, 'a>(event: &'v Json<'a>) -> &'v Json<'a> {
    let fields = event.get("extractedFields");
    fields
        .filter(|fields| fields.members().is_some())
        .unwrap_or(event)
}

/// Keys under which agents and queries store the record.
const MESSAGE_KEYS: [&str; 3] = ["message", "@message", "body"];

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json<'_> {
        Json::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn envelope_is_recognized_by_its_events_and_control_message_by_its_type() {
        let text = r#"{"messageType":"DATA_MESSAGE","logEvents":[{"message":"2"}]}"#;
        assert_eq!(log_events(&json(text)).unwrap().len(), 1);
        assert!(!is_control(&json(text)));
        assert!(is_control(&json(
            r#"{"messageType":"CONTROL_MESSAGE","logEvents":[]}"#
        )));
    }

    #[test]
    fn row_of_a_response_becomes_an_object() {
        let row = json(r#"[{"field":"srcAddr","value":"10.0.0.1"},{"field":"@ptr"}]"#);
        let cells = row.elements().unwrap();
        assert!(is_response_row(cells));
        let expected = json(r#"{"srcAddr":"10.0.0.1","@ptr":null}"#);
        assert_eq!(response_object(cells), expected);
        assert!(!is_response_row(&[]));
    }

    #[test]
    fn time_is_in_milliseconds_or_in_text() {
        assert_eq!(
            time_ms(&json(r#"{"timestamp":1714564803000}"#)),
            Some(1_714_564_803_000)
        );
        assert_eq!(
            time_ms(&json(r#"{"timestamp":"1714564803000"}"#)),
            Some(1_714_564_803_000)
        );
        let text = r#"{"@timestamp":"2024-05-01 12:00:03.500"}"#;
        assert_eq!(time_ms(&json(text)), Some(1_714_564_803_500));
        assert_eq!(time_ms(&json("{}")), None);
    }

    #[test]
    fn values_next_to_the_message_are_the_extracted_ones_if_present() {
        let event = json(r#"{"message":"2","extractedFields":{"eni":"eni-1"}}"#);
        assert_eq!(
            named_values(&event).get("eni").unwrap().text(),
            Some("eni-1")
        );
        let event = json(r#"{"message":"2","extractedFields":null}"#);
        assert_eq!(named_values(&event), &event);
    }
}
