//! The arguments of a tool: options of the command line by the same names, as a JSON Schema and back.
//!
//! An argument is an option of a subcommand without its dashes, with `_` in place of `-` inside it. So
//! its values, its help and its errors are those of the command line. Each tool lists which options it
//! takes; an option that is not listed cannot be given.

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Args, Command};
use serde_json::{Map, Value, json};

use super::message::quoted;
use crate::cli::advice::refusal;

/// The options that narrow an archive, which most tools take. `between` has two values and is left
/// out: a filter says the same.
pub(super) const NARROWING: [&str; 17] = [
    "from",
    "to",
    "eni",
    "host",
    "src",
    "dst",
    "connection",
    "port",
    "protocol",
    "action",
    "direction",
    "account",
    "region",
    "vpc",
    "subnet",
    "instance",
    "filter",
];

/// Options whose values are numbers.
const NUMBERS: [&str; 3] = ["top", "finding", "limit"];

/// Arguments that every tool takes.
const PATHS: &str = "paths";
const CURSOR: &str = "cursor";

/// The arguments of one call.
#[derive(Clone, Debug, Default)]
pub(super) struct ToolArguments {
    /// What to read; empty for everything.
    pub(super) paths: Vec<String>,
    /// The page to answer with.
    pub(super) cursor: Option<String>,
    /// The other arguments.
    options: Map<String, Value>,
}

impl ToolArguments {
    /// Takes the arguments apart.
    ///
    /// # Errors
    /// A path or the cursor is not text.
    pub(super) fn of(mut given: Map<String, Value>) -> anyhow::Result<Self> {
        let paths = match given.remove(PATHS) {
            None | Some(Value::Null) => Vec::new(),
            Some(value) => texts(PATHS, &value)?,
        };
        let cursor = match given.remove(CURSOR) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => anyhow::bail!("{CURSOR} is a string"),
        };
        given.retain(|_, value| !value.is_null());
        Ok(Self {
            paths,
            cursor,
            options: given,
        })
    }

    /// Identifies the question, apart from the page.
    pub(super) fn question(&self) -> String {
        json!([self.paths, self.options]).to_string()
    }

    /// Parses the options, of which those in `taken` may be given. `words` of a command line come after them.
    ///
    /// # Errors
    /// An argument is unknown, or its value is not one of the option's.
    pub(super) fn parse<A: Args>(&self, taken: &[&str], words: &[&str]) -> anyhow::Result<A> {
        let command = command::<A>();
        let mut typed = Vec::new();
        for (name, value) in &self.options {
            let option = option_of(&command, taken, name)?;
            typed.extend(typed_option(option, name, value)?);
        }
        typed.extend(words.iter().map(|word| (*word).to_owned()));
        let matches = command.try_get_matches_from(typed).map_err(worded)?;
        A::from_arg_matches(&matches).map_err(worded)
    }
}

fn command<A: Args>() -> Command {
    let command = Command::new("tool").no_binary_name(true);
    let command = command
        .disable_help_flag(true)
        .color(clap::ColorChoice::Never);
    A::augment_args(command)
}

/// Returns the option of an argument.
fn option_of<'c>(command: &'c Command, taken: &[&str], name: &str) -> anyhow::Result<&'c Arg> {
    let long = name.replace('_', "-");
    let mut options = command.get_arguments();
    let option = options.find(|option| option.get_long() == Some(&long));
    option.filter(|_| taken.contains(&&*long)).ok_or_else(|| {
        let known = taken.iter().map(|name| argument(name));
        let known: Vec<String> = known.chain([PATHS.into(), CURSOR.into()]).collect();
        refusal(
            format!("there is no argument {}", quoted(name)),
            format!("the arguments are {}", known.join(", ")),
        )
    })
}

/// Returns the name of the argument of an option.
fn argument(long: &str) -> String {
    long.replace('-', "_")
}

fn is_flag(option: &Arg) -> bool {
    matches!(option.get_action(), ArgAction::SetTrue)
}

fn is_list(option: &Arg) -> bool {
    matches!(option.get_action(), ArgAction::Append)
}

/// Returns an option with its values as words of a command line.
fn typed_option(option: &Arg, name: &str, value: &Value) -> anyhow::Result<Vec<String>> {
    let long = option.get_long().unwrap_or_default();
    if is_flag(option) {
        return match value {
            Value::Bool(true) => Ok(vec![format!("--{long}")]),
            Value::Bool(false) => Ok(Vec::new()),
            _ => anyhow::bail!("{name} is true or false"),
        };
    }
    let values = texts(name, value)?;
    if values.len() > 1 && !is_list(option) {
        anyhow::bail!("{name} has one value");
    }
    let values = values.iter().map(|value| format!("--{long}={value}"));
    Ok(values.collect())
}

/// Returns one text, or several.
fn texts(name: &str, value: &Value) -> anyhow::Result<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(anyhow::anyhow!("{name} is a string, or a list of strings")),
    };
    match value {
        Value::Array(all) => all.iter().map(one).collect(),
        value => Ok(vec![one(value)?]),
    }
}

/// Returns what the command line says about a value, without its advice on options.
fn worded(error: clap::Error) -> anyhow::Error {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    // What comes after the message is about the command line. A value in it may have empty lines, too.
    let ends = ["\n\nUsage", "\n\nFor more information", "\n\n  tip:"];
    let end = ends.iter().filter_map(|end| text.rfind(end)).min();
    let message = text[..end.unwrap_or(text.len())].replace("'--", "'");
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => anyhow::anyhow!("unknown argument"),
        _ => anyhow::anyhow!(message),
    }
}

/// Returns the JSON Schema of the arguments of a tool; those in `required` must be given.
pub(super) fn schema<A: Args>(taken: &[&str], required: &[&str]) -> Value {
    let command = command::<A>();
    let mut properties = Map::new();
    for option in command.get_arguments() {
        let Some(long) = option.get_long().filter(|long| taken.contains(long)) else {
            continue;
        };
        properties.insert(argument(long), property(option, long));
    }
    properties.insert(
        PATHS.into(),
        json!({
            "type": "array",
            "items": { "type": "string" },
            "description": "Files and folders to read, within the roots; all of them by default",
        }),
    );
    properties.insert(
        CURSOR.into(),
        json!({ "type": "string", "description": "next_cursor of the page before" }),
    );
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

fn property(option: &Arg, long: &str) -> Value {
    let help = option.get_help().map(ToString::to_string);
    let help = help.unwrap_or_default().replace("--", "");
    // Every tool has these, so what a reader can do without is left out.
    let help = match NARROWING.contains(&long) {
        true => help
            .split("; ")
            .flat_map(|part| part.split(", such as "))
            .next()
            .unwrap_or_default()
            .to_owned(),
        false => help,
    };
    let kind = match long {
        _ if is_flag(option) => "boolean",
        _ if is_list(option) => {
            let items = json!({ "type": "string" });
            return json!({ "type": "array", "items": items, "description": help });
        }
        long if NUMBERS.contains(&long) => "integer",
        _ => "string",
    };
    json!({ "type": kind, "description": help })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::narrowing::Narrowing;

    fn parsed(given: &Value) -> anyhow::Result<flow2pcap::filter::Filter> {
        let Value::Object(given) = given.clone() else {
            panic!("an object");
        };
        let arguments = ToolArguments::of(given)?;
        arguments.parse::<Narrowing>(&NARROWING, &[])?.filter()
    }

    #[test]
    fn values_mean_what_they_mean_on_the_command_line() {
        let filter = parsed(&json!({
            "from": "-2h", "host": ["10.0.0.5", "10.1.0.0/16"], "port": 443, "action": "reject",
        }));
        let condition = filter.unwrap().condition.unwrap().to_string();
        for part in ["10.0.0.5", "10.1.0.0/16", "443", "reject"] {
            assert!(condition.contains(part), "{condition}");
        }
        assert!(parsed(&json!({"host": null})).unwrap().wants_all());
    }

    #[track_caller]
    fn check_refused(given: &Value, expected: &str) {
        let error = parsed(given).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains('\u{1b}'), "{error:?}");
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        check_refused(&json!({"hots": "10.0.0.5"}), "no argument hots");
        check_refused(
            &json!({"between": ["10.0.0.1", "10.0.0.2"]}),
            "no argument between",
        );
        check_refused(&json!({"help": true}), "no argument help");
        check_refused(&json!({"port": "x y"}), "invalid value 'x y' for 'port");
        check_refused(&json!({"host": {"a": 1}}), "host is a string");
        check_refused(&json!({"from": ["1", "2"]}), "from has one value");
        check_refused(&json!({"host": "--help"}), "invalid value");
        check_refused(
            &json!({"from": "2026-03-14", "to": "2026-03-13"}),
            "is after",
        );
        check_refused(&json!({"cursor": 7}), "cursor is a string");
        check_refused(&json!({"paths": [[]]}), "paths is a string");
    }

    #[test]
    fn schema_has_every_argument_with_its_help() {
        let schema = schema::<Narrowing>(&NARROWING, &[]);
        let properties = schema["properties"].as_object().unwrap();
        assert_eq!(properties.len(), NARROWING.len() + 2);
        for (name, property) in properties {
            assert!(
                property["description"].as_str().unwrap().len() > 4,
                "{name}"
            );
        }
        assert_eq!(properties["host"]["type"], "array");
        assert_eq!(properties["from"]["type"], "string");
    }
}
