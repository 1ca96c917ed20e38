//! Tests the splitting of valid and broken JSON in pieces of any size.

use proptest::prelude::*;

use super::*;

/// Yields at most `step` bytes per call.
struct Pipe<'a>(&'a [u8], usize);

impl Read for Pipe<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = out.len().min(self.1);
        self.0.read(&mut out[..len])
    }
}

/// Returns the pieces of `text`, with `!` before broken ones, `^` before those that are too long,
/// and `~` for an end inside a value.
fn pieces(text: &str, step: usize, value_len_max: usize) -> Vec<String> {
    let mut splitter = Splitter::new(Pipe(text.as_bytes(), step));
    splitter.value_len_max = value_len_max;
    let mut seen = Vec::new();
    loop {
        let shown = |text: &[u8]| String::from_utf8_lossy(text).trim().to_owned();
        match splitter.next() {
            Ok(Some(Piece::Value(text))) => seen.push(shown(text)),
            Ok(Some(Piece::Broken(text))) => seen.push(format!("!{}", shown(text))),
            Ok(Some(Piece::TooLong(text))) => seen.push(format!("^{}", shown(text))),
            Ok(None) => return seen,
            Err(_) => {
                seen.push("~".into());
                return seen;
            }
        }
    }
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    for step in [1, 3, 1000] {
        assert_eq!(pieces(text, step, 1000), expected, "{text:?} by {step}");
    }
}

#[test]
fn values_are_the_same_in_any_arrangement() {
    let objects = [r#"{"a":"}{\"]"}"#, r#"{"b":[{},{"c":[1,2]}]}"#];
    check(&objects.concat(), &objects);
    check(&objects.join("\n"), &objects);
    check(&format!("[{}]", objects.join(" ,\n")), &objects);
    check(
        &format!(r#"{{"events":[{}],"nextToken":"x"}}"#, objects.join(",")),
        &objects,
    );
}

#[test]
fn arrays_of_records_are_entered_wherever_they_are() {
    check(
        r#"{"statistics":{"x":[1]},"results":[[{"a":1}],[]],"status":"Complete"}{"z":1}"#,
        &[r#"[{"a":1}]"#, "[]", r#"{"z":1}"#],
    );
    check(
        r#"[{"events":[{"a":1}]},{"events":[{"b":[1]}]}]"#,
        &[r#"{"a":1}"#, r#"{"b":[1]}"#],
    );
    check(r#"{"x":{"events":[1]}}"#, &[r#"{"x":{"events":[1]}}"#]);
    check(r#"{"events":[],"records":[{"a":1}]}"#, &[r#"{"a":1}"#]);
}

#[test]
fn strings_at_the_top_level_are_values() {
    check(r#"["2 eni","x\"y"]"#, &[r#""2 eni""#, r#""x\"y""#]);
}

#[test]
fn broken_value_does_not_affect_other_values() {
    check("{\"a\":1\n{\"b\":2}\n", &["!{\"a\":1", "{\"b\":2}"]);
    check("{\"a\":1,\n{\"b\":2}\n", &["!{\"a\":1,", "{\"b\":2}"]);
    check("{\"a\":\"x\n{\"b\":2}\n", &["!{\"a\":\"x", "{\"b\":2}"]);
    check("{\n{\"b\":2}\n", &["!{", "{\"b\":2}"]);
    check("rubbish\n{\"b\":2}\n", &["!rubbish", "{\"b\":2}"]);
    check("[1,{\"b\":2},null]", &["!1", "{\"b\":2}", "!null"]);
    check("}\n{\"b\":2}", &["!}", "{\"b\":2}"]);
}

#[test]
fn text_that_ends_inside_a_value_is_an_error() {
    check("{\"a\":1}{\"b\"", &["{\"a\":1}", "~"]);
    check("{\"events\":[{\"a\":1}", &["{\"a\":1}", "~"]);
    check("", &[]);
    check("[]", &[]);
}

#[test]
fn value_that_is_too_long_is_skipped() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(5000));
    for step in [1, 100, 1 << 20] {
        let seen = pieces(&format!("{long}{{\"b\":1}}"), step, 1000);
        if step < 1000 {
            assert_eq!(
                seen,
                [format!("^{}", &long[..EXCERPT_LEN]), "{\"b\":1}".into()]
            );
        }
    }
}

proptest! {
    #[test]
    fn pieces_are_the_same_for_any_read_length(
        text in r#"[\[\]{}:,"\\a\n ]{0,60}"#,
        step in 1_usize..20,
    ) {
        prop_assert_eq!(pieces(&text, step, 1000), pieces(&text, 1000, 1000));
    }
}
