//! Answers of bounded length: the facts of one call, page by page.
//!
//! The server keeps nothing between the pages that it needs: a cursor has the number of the next fact
//! and a hash of the question and of all facts that are kept. If the logs or the question changed in between, the hash
//! differs, and the cursor is refused. The latest answer is kept only so that its next page is quick.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::facts::{FACT_LEN_MAX, Fact, len_in_response};
use super::message::quoted;
use flow2pcap::pipeline::Meter;

/// The longest response, in bytes, with its line end.
pub(super) const RESPONSE_LEN_MAX: usize = 20_000;

/// What of a response is not facts: the frame, and an identifier of the longest kind.
const FRAME_LEN: usize = 1_500;

/// Facts of one answer that are kept, in bytes of JSON. What comes after them is counted.
const ANSWER_LEN_MAX: usize = 16 << 20;

// Every page has a fact.
const _: () = assert!(FACT_LEN_MAX + FRAME_LEN < RESPONSE_LEN_MAX);

/// All facts that answer one question.
#[derive(Clone, Debug)]
pub(super) struct ToolAnswer {
    facts: Vec<Value>,
    /// Facts for which there was no room.
    left_out: usize,
    /// Identifies the question and the facts.
    hash: u64,
}

impl ToolAnswer {
    /// Creates the answer to a question, which may be any text that identifies it.
    ///
    /// # Errors
    /// The call was canceled or takes too long.
    pub(super) fn new(
        question: &str,
        facts: impl IntoIterator<Item = Fact>,
        meter: &Meter,
    ) -> anyhow::Result<Self> {
        let (mut kept, mut len, mut left_out) = (Vec::new(), 0, 0);
        let mut hasher = Sha256::new_with_prefix(question);
        for fact in facts {
            meter.check()?;
            if len > ANSWER_LEN_MAX {
                left_out += 1;
                continue;
            }
            let fact = fact.into_json();
            let text = fact.to_string();
            len += text.len();
            if len > ANSWER_LEN_MAX {
                left_out += 1;
                continue;
            }
            hasher.update([0]);
            hasher.update(&text);
            kept.push(fact);
        }
        let digest = hasher.finalize();
        Ok(Self {
            facts: kept,
            left_out,
            hash: digest
                .iter()
                .take(8)
                .fold(0, |hash, byte| hash << 8 | u64::from(*byte)),
        })
    }

    /// Returns the page at `cursor`, or the first one.
    ///
    /// # Errors
    /// The cursor is not one of this answer; the message says what to do.
    pub(super) fn page(&self, cursor: Option<&str>) -> Result<Value, String> {
        let first = match cursor {
            None => 0,
            Some(cursor) => self.place_of(cursor)?,
        };
        let mut len = FRAME_LEN;
        let rest = self.facts[first..].iter();
        let fitting = rest.take_while(|fact| {
            len += len_in_response(fact);
            len <= RESPONSE_LEN_MAX
        });
        let page: Vec<Value> = fitting.cloned().collect();
        let next = first + page.len();
        let mut document = Map::new();
        document.insert("facts".into(), page.into());
        document.insert("first".into(), (first + 1).into());
        document.insert("total".into(), self.facts.len().into());
        if self.left_out > 0 {
            document.insert("left_out".into(), self.left_out.into());
        }
        if next < self.facts.len() {
            document.insert("next_cursor".into(), self.cursor(next).into());
        }
        Ok(document.into())
    }

    fn cursor(&self, next: usize) -> String {
        format!("{next}.{:016x}", self.hash)
    }

    fn place_of(&self, cursor: &str) -> Result<usize, String> {
        let parts = cursor.split_once('.');
        let place = parts.and_then(|(place, _)| place.parse().ok());
        let Some(place) = place.filter(|place| *place < self.facts.len()) else {
            return Err(format!(
                "cursor {} is not one that this tool gave for these arguments; call it without a \
                 cursor",
                quoted(cursor)
            ));
        };
        match self.cursor(place) == cursor {
            true => Ok(place),
            false => Err(
                "the cursor does not fit: the logs or the arguments are not those of the page that \
                 gave it; call the tool again without a cursor"
                    .into(),
            ),
        }
    }
}

/// Returns the JSON Schema of a page; short, because it is listed with every tool.
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "properties": { "facts": { "type": "array" }, "next_cursor": { "type": "string" } },
        "required": ["facts"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(question: &str, count: u64) -> ToolAnswer {
        let facts = (0..count).map(|n| {
            Fact::new("n")
                .observed("n", n)
                .observed("text", "\"".repeat(50))
        });
        ToolAnswer::new(question, facts, &Meter::default()).unwrap()
    }

    #[test]
    fn pages_add_up_to_the_whole() {
        let all = answer("q", 1_000);
        let (mut seen, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = all.page(cursor.as_deref()).unwrap();
            let text = Value::from(page.to_string()).to_string();
            assert!(page.to_string().len() + text.len() < RESPONSE_LEN_MAX);
            assert_eq!(page["first"], seen.len() + 1);
            seen.extend(page["facts"].as_array().unwrap().iter().cloned());
            pages += 1;
            match page.get("next_cursor") {
                Some(next) => cursor = Some(next.as_str().unwrap().to_owned()),
                None => break,
            }
        }
        assert!(pages > 10, "{pages}");
        let numbers: Vec<u64> = seen
            .iter()
            .map(|fact| fact["observed"]["n"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers, (0..1_000).collect::<Vec<u64>>());
    }

    #[test]
    fn cursor_of_another_question_or_of_other_logs_is_refused() {
        let all = answer("q", 1_000);
        let page = all.page(None).unwrap();
        let cursor = page["next_cursor"].as_str().unwrap();
        assert!(answer("q", 1_000).page(Some(cursor)).is_ok());
        for other in [answer("p", 1_000), answer("q", 999)] {
            assert!(
                other
                    .page(Some(cursor))
                    .unwrap_err()
                    .contains("does not fit")
            );
        }
        for wrong in ["", "x", "5", "1000.00", "-1.0", "99999999999999999999.0"] {
            let error = all.page(Some(wrong)).unwrap_err();
            assert!(error.contains("without a cursor"), "{wrong}: {error}");
        }
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let text = "a".repeat(900);
        let facts = (0..20_000).map(|_| Fact::new("n").observed("text", text.as_str()));
        let all = ToolAnswer::new("q", facts, &Meter::default()).unwrap();
        let page = all.page(None).unwrap();
        let (total, left_out) = (&page["total"], &page["left_out"]);
        assert_eq!(total.as_u64().unwrap() + left_out.as_u64().unwrap(), 20_000);
    }

    #[test]
    fn facts_of_a_call_that_was_canceled_are_not_collected() {
        let meter = Meter::default();
        meter.stop();
        let facts = std::iter::repeat_with(|| Fact::new("n"));
        assert!(ToolAnswer::new("q", facts, &meter).is_err());
    }

    #[test]
    fn answer_without_facts_is_a_page() {
        let page = answer("q", 0).page(None).unwrap();
        assert_eq!(page, json!({"facts": [], "first": 1, "total": 0}));
    }
}
