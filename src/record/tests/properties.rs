//! Properties of any line and any division of a text.

use proptest::prelude::*;

use super::*;

/// Generates lines as found in archives, and others.
fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(LINE.to_owned()),
        2 => Just(LINE.replace("4249", "-")),
        1 => Just(LINE.replace(' ', "  ")),
        1 => Just(LINE.replace("REJECT OK", "- NODATA")),
        1 => Just(HEADER.to_owned()),
        1 => Just("dstaddr srcaddr".to_owned()),
        1 => Just("10.0.0.1 10.0.0.2".to_owned()),
        1 => "[ -~]{0,40}",
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_rows(
        block in proptest::collection::vec(any::<u8>(), 0..300),
        format in prop_oneof![Just("default"), Just("srcaddr action"), Just("start ? eni")],
    ) {
        let timed = layout(format).as_ref().clone().with_prefix(Prefix::Time);
        for layout in [layout(format), Arc::new(timed.separated_by(Separator::Comma))] {
            let lines = block.split_inclusive(|&byte| byte == b'\n').count();
            prop_assert_eq!(Rows::new(&block, layout).count(), lines);
        }
        let _ = recognize(&block, None);
    }

    #[test]
    fn any_division_at_line_ends_gives_the_same_rows(
        lines in proptest::collection::vec(any_line(), 0..12),
        cut in 0..12_usize,
    ) {
        let cut = cut.min(lines.len());
        let [front, back] = [&lines[..cut], &lines[cut..]].map(|lines| {
            lines.iter().map(|line| format!("{line}\n")).collect::<String>()
        });
        let whole = format!("{front}{back}");
        let mut found = rows(&layout("default"), &front);
        let between = Rows::new(front.as_bytes(), layout("default")).layout_at_end();
        found.extend(rows(&between, &back));
        prop_assert_eq!(found, rows(&layout("default"), &whole));
    }

    #[test]
    fn grammar_and_lenient_parser_agree(line in any_line(), garbled: prop::sample::Index, byte in 32..127_u8) {
        let mut line = line.into_bytes();
        if !line.is_empty() {
            let at = garbled.index(line.len());
            line[at] = byte;
        }
        let layout = layout("default");
        let mut record = Record::default();
        if let Ok((b"", ())) = grammar::record(&layout, &line, &mut record) {
            let careful = careful::cells(&layout, &line, &line, 0).unwrap();
            prop_assert_eq!(Record { text: RecordText::default(), ..record }, careful);
        }
    }
}
