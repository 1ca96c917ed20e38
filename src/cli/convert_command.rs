//! The command that converts the connections of one finding, to be copied and pasted.

use flow2pcap::printable::shell;
use flow2pcap::record::Layout;

use super::context::ContextArgs;
use super::narrowing::Narrowing;
use super::path_list::TypedInputs;

/// Returns the command that writes the packets of finding number `finding`, from 1, with the same
/// inputs, column order and filter. Returns `None` if it cannot be typed, and for standard input,
/// which cannot be read again.
pub(super) fn convert_command(
    inputs: TypedInputs<'_>,
    format: Option<&Layout>,
    context: &ContextArgs,
    narrowing: &Narrowing,
    finding: usize,
) -> Option<String> {
    let mut words = vec!["flow2pcap convert".to_owned()];
    words.extend(inputs.words()?);
    words.push(format!("-o finding-{finding}.pcapng --finding {finding}"));
    for format in format.into_iter().flat_map(Layout::formats) {
        words.push(shell::option("--format", &format.format())?);
    }
    let context = context.paths.iter().map(shell::path);
    let mut context = context.collect::<Option<Vec<_>>>()?;
    context.sort();
    words.extend(context.iter().map(|path| format!("--context {path}")));
    words.extend(narrowing.typed()?);
    Some(words.join(" "))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        narrowing: Narrowing,
    }

    fn typed_inputs(paths: &[PathBuf]) -> TypedInputs<'_> {
        TypedInputs { paths, list: None }
    }

    #[track_caller]
    fn check(options: &[&str], expected: Option<&str>) {
        let typed = Typed::parse_from([&["flow2pcap"], options].concat());
        let inputs = [PathBuf::from("AWS Logs")];
        let inputs = typed_inputs(&inputs);
        let context = ContextArgs::default();
        let command = convert_command(inputs, None, &context, &typed.narrowing, 2);
        let begin = "flow2pcap convert 'AWS Logs' -o finding-2.pcapng --finding 2";
        let expected = expected.map(|expected| format!("{begin}{expected}"));
        assert_eq!(command, expected);
        // The command's options mean the same.
        let command = command.unwrap_or_default();
        let words: Vec<&str> = command[begin.len()..].split_whitespace().collect();
        if !command.contains("--filter") && !command.contains("--connection") {
            let again = Typed::parse_from([&["flow2pcap"], &words[..]].concat());
            let filters = [&typed, &again].map(|typed| typed.narrowing.filter().unwrap());
            assert_eq!(filters[0], filters[1]);
        }
    }

    #[test]
    fn options_are_typed_as_they_mean() {
        check(&[], Some(""));
        check(
            &[
                "--host",
                "10.0.0.5",
                "--host",
                "10.1.0.0/16",
                "--port",
                "https",
                "--port",
                "1-9",
            ],
            Some(" --host 10.0.0.5 --host 10.1.0.0/16 --port 443 --port 1-9"),
        );
        check(
            &["--from", "-2h", "--to", "2026-03-14T02:15"],
            Some(" --from=-7200s --to 2026-03-14T02:15:00Z"),
        );
        check(
            &[
                "--protocol",
                "icmp6",
                "--protocol",
                "41",
                "--action",
                "REJECT",
                "--direction",
                "inbound",
            ],
            Some(" --protocol ipv6-icmp --protocol 41 --action reject --direction ingress"),
        );
        check(
            &[
                "--between",
                "10.0.0.1",
                "10.0.0.2",
                "--src",
                "10.0.0.0/8",
                "--eni",
                "eni-0a",
            ],
            Some(" --eni eni-0a --src 10.0.0.0/8 --between 10.0.0.1 10.0.0.2"),
        );
        check(
            &[
                "--connection",
                "10.0.0.1:1 > 10.0.0.2:2",
                "--filter",
                "tcp and not reject",
            ],
            Some(" --connection '10.0.0.1:1 > 10.0.0.2:2' --filter 'tcp and not reject'"),
        );
    }

    #[test]
    fn each_format_and_the_context_are_typed_once() {
        let typed = Typed::parse_from(["flow2pcap"]);
        let formats = [
            "srcaddr dstaddr",
            "srcaddr dstaddr start",
            "srcaddr dstaddr",
        ];
        let formats = formats.map(|text| Layout::from_format(text).unwrap());
        let layout = Layout::any_of(formats.to_vec());
        let context = ContextArgs {
            paths: vec!["aws context".into()],
        };
        let command = convert_command(
            typed_inputs(&["a".into()]),
            layout.as_ref(),
            &context,
            &typed.narrowing,
            1,
        );
        let expected = "flow2pcap convert a -o finding-1.pcapng --finding 1 --format '${srcaddr} \
                        ${dstaddr}' --format '${srcaddr} ${dstaddr} ${start}' --context 'aws context'";
        assert_eq!(command.as_deref(), Some(expected));
    }

    #[test]
    fn standard_input_has_no_command() {
        let typed = Typed::parse_from(["flow2pcap"]);
        let stdin = [PathBuf::from("-")];
        assert_eq!(
            convert_command(
                typed_inputs(&stdin),
                None,
                &ContextArgs::default(),
                &typed.narrowing,
                1
            ),
            None
        );
    }
}
