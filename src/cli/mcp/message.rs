//! Messages of JSON-RPC 2.0 as the Model Context Protocol uses them: one line becomes requests,
//! notifications and faults, and results become one line.
//!
//! What the methods mean is not known here. An identifier is a string or a number, never null, and
//! parameters are an object (MCP 2025-06-18, "Messages"). A batch is an array of messages; MCP
//! 2025-03-26 has them, earlier and later versions do not, and they are accepted with any.

use flow2pcap::printable::json::escaped;
use flow2pcap::printable::{cut, printable};
use serde_json::{Map, Value, json};

/// The longest identifier that is repeated in a response, in bytes.
const ID_LEN_MAX: usize = 256;

/// The most messages of a batch.
const BATCH_MAX: usize = 64;

/// The longest text of a sender that a message repeats, in characters.
const QUOTED_MAX: usize = 100;

/// What is wrong with a message: a code of JSON-RPC 2.0, section 5.1, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RpcFault {
    pub(super) code: i64,
    pub(super) message: String,
}

impl RpcFault {
    /// The line is not JSON.
    pub(super) fn parse(message: impl Into<String>) -> Self {
        Self::new(-32700, message)
    }

    /// The JSON is not a message, or the message may not be sent now.
    pub(super) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(-32600, message)
    }

    /// There is no such method.
    pub(super) fn no_method(method: &str) -> Self {
        Self::new(-32601, format!("there is no method {}", quoted(method)))
    }

    /// The parameters do not fit the method.
    pub(super) fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(-32602, message)
    }

    /// Nothing is wrong with the message, but there is no room for it now. The code is one of those
    /// that are free for servers.
    pub(super) fn busy(message: impl Into<String>) -> Self {
        Self::new(-32000, message)
    }

    fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// Text of a sender, fit to be repeated in a message.
pub(super) fn quoted(text: &str) -> String {
    cut(&printable(text), QUOTED_MAX).into_owned()
}

/// The identifier of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestId(Value);

impl RequestId {
    /// Returns the identifier; `None` if it is neither a string nor an integer, or too long.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let may = match value {
            // Characters that are escaped take more room in the response, and quotation marks some.
            Value::String(_) => escaped(value.to_string()).len() <= ID_LEN_MAX + 2,
            Value::Number(number) => !number.is_f64(),
            _ => false,
        };
        may.then(|| Self(value.clone()))
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Incoming {
    /// Wants a response.
    Request {
        id: RequestId,
        method: String,
        params: Map<String, Value>,
    },
    /// Wants none.
    Notification {
        method: String,
        params: Map<String, Value>,
    },
    /// The response to a request. This server sends no requests, so it means nothing.
    Response,
    /// Not a message. The response has the identifier, if there is one.
    Faulty {
        id: Option<RequestId>,
        fault: RpcFault,
    },
}

/// The messages of one line.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum IncomingLine {
    One(Incoming),
    /// The responses come together, in one array.
    Batch(Vec<Incoming>),
}

/// Reads a line. It never fails: what is not a message is [`Incoming::Faulty`].
pub(super) fn parse(line: &[u8]) -> IncomingLine {
    let value: Value = match serde_json::from_slice(line) {
        Ok(value) => value,
        Err(error) => {
            let fault = RpcFault::parse(format!("the line is not JSON: {error}"));
            return IncomingLine::One(Incoming::Faulty { id: None, fault });
        }
    };
    match value {
        Value::Array(all) if all.is_empty() => {
            IncomingLine::One(faulty(None, "the batch is empty"))
        }
        Value::Array(all) if all.len() > BATCH_MAX => {
            let text = format!("a batch has at most {BATCH_MAX} messages");
            IncomingLine::One(faulty(None, text))
        }
        Value::Array(all) => IncomingLine::Batch(all.into_iter().map(message).collect()),
        value => IncomingLine::One(message(value)),
    }
}

fn faulty(id: Option<RequestId>, message: impl Into<String>) -> Incoming {
    let fault = RpcFault::invalid_request(message);
    Incoming::Faulty { id, fault }
}

fn message(value: Value) -> Incoming {
    let Value::Object(mut message) = value else {
        return faulty(None, "a message is a JSON object");
    };
    let id = message.get("id").map(RequestId::of);
    let known = id.clone().flatten();
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return faulty(known, "a message has \"jsonrpc\": \"2.0\"");
    }
    let method = match message.remove("method") {
        Some(Value::String(method)) => method,
        Some(_) => return faulty(known, "the method is a string"),
        None if message.contains_key("result") || message.contains_key("error") => {
            return Incoming::Response;
        }
        None => return faulty(known, "a request has a method"),
    };
    let params = match message.remove("params") {
        None => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => {
            let fault = RpcFault::invalid_params("the parameters are a JSON object");
            return match id {
                None => Incoming::Response, // a notification has no response, not even this one
                Some(id) => Incoming::Faulty { id, fault },
            };
        }
    };
    match id {
        None => Incoming::Notification { method, params },
        Some(Some(id)) => Incoming::Request { id, method, params },
        Some(None) => faulty(
            None,
            format!("the id is a string of at most {ID_LEN_MAX} bytes, or an integer"),
        ),
    }
}

/// Returns the response to a request, or to what is not a message.
pub(super) fn response(id: Option<&RequestId>, result: Result<Value, RpcFault>) -> Value {
    let id = id.map_or(Value::Null, |id| id.0.clone());
    match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(RpcFault { code, message }) => {
            let error = json!({ "code": code, "message": message });
            json!({ "jsonrpc": "2.0", "id": id, "error": error })
        }
    }
}

/// Returns a message as its line, in which every character is printable.
pub(super) fn line(message: &Value) -> String {
    let mut line = escaped(message.to_string());
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(line: &str) -> Incoming {
        match parse(line.as_bytes()) {
            IncomingLine::One(message) => message,
            IncomingLine::Batch(all) => panic!("{all:?}"),
        }
    }

    /// The code, and the identifier as it would be sent.
    #[track_caller]
    fn fault_of(line: &str) -> (i64, Value) {
        let Incoming::Faulty { id, fault } = one(line) else {
            panic!("{line} is a message");
        };
        let sent = response(id.as_ref(), Err(fault.clone()));
        (fault.code, sent["id"].clone())
    }

    #[test]
    fn request_and_notification_differ_by_the_id() {
        let Incoming::Request { id, method, params } =
            one(r#"{"jsonrpc":"2.0","id":"a","method":"ping","params":{"x":1}}"#)
        else {
            panic!("a request");
        };
        assert_eq!((id, method.as_str()), (RequestId(json!("a")), "ping"));
        assert_eq!(params["x"], 1);
        let notice = one(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        assert!(
            matches!(notice, Incoming::Notification { .. }),
            "{notice:?}"
        );
        let answer = one(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
        assert_eq!(answer, Incoming::Response);
    }

    #[test]
    fn what_is_not_a_message_has_a_code() {
        let null = Value::Null;
        assert_eq!(fault_of("{"), (-32700, null.clone()));
        assert_eq!(fault_of(""), (-32700, null.clone()));
        assert_eq!(fault_of(&"[".repeat(100_000)), (-32700, null.clone()));
        assert_eq!(fault_of("7"), (-32600, null.clone()));
        assert_eq!(fault_of("[]"), (-32600, null.clone()));
        assert_eq!(fault_of(r#"{"id":1,"method":"ping"}"#), (-32600, json!(1)));
        assert_eq!(fault_of(r#"{"jsonrpc":"2.0","id":1}"#), (-32600, json!(1)));
        for id in ["null", "1.5", "{}", "true"] {
            let line = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
            assert_eq!(fault_of(&line), (-32600, null.clone()), "{id}");
        }
        let long = "a".repeat(ID_LEN_MAX + 1);
        let line = format!(r#"{{"jsonrpc":"2.0","id":"{long}","method":"ping"}}"#);
        assert_eq!(fault_of(&line), (-32600, null));
        let line = r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#;
        assert_eq!(fault_of(line), (-32602, json!(1)));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_not_json() {
        let IncomingLine::One(Incoming::Faulty { fault, .. }) = parse(b"{\"a\":\"\xff\"}") else {
            panic!("a fault");
        };
        assert_eq!(fault.code, -32700);
    }

    #[test]
    fn batch_has_its_messages_in_order() {
        let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        let IncomingLine::Batch(all) = parse(format!("[{ping},7]").as_bytes()) else {
            panic!("a batch");
        };
        assert!(matches!(all[0], Incoming::Request { .. }));
        assert!(matches!(all[1], Incoming::Faulty { .. }));
        let many = vec![ping; BATCH_MAX + 1].join(",");
        assert_eq!(fault_of(&format!("[{many}]")).0, -32600);
    }

    proptest! {
        #[test]
        fn every_line_is_read_and_every_response_is_one_line(bytes in any::<Vec<u8>>(), text in any::<String>()) {
            parse(&bytes);
            let sent = line(&response(None, Err(RpcFault::no_method(&text))));
            prop_assert_eq!(sent.matches('\n').count(), 1);
            prop_assert!(sent.len() < 2_000);
        }
    }
}
