//! `report` writes one page that tells what was found, and nothing on it runs but its own script.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::attempts::{log, often};
use crate::support::browser::browser;
use crate::support::{Run, file, flow2pcap, run, testdata};
use serde_json::json;
use tempfile::TempDir;

/// A name that would run if it were not escaped, and one that would end an attribute.
const HOSTILE: &str = "eni-<script>alert(1)</script>\"'><img/src=x/onerror=alert(2)>";

fn report<P: AsRef<Path>>(page: &Path, inputs: &[P], options: &[&str]) -> Run {
    let mut command = flow2pcap();
    command
        .arg("report")
        .args(options)
        .arg("--output")
        .arg(page);
    inputs.iter().for_each(|input| {
        command.arg(input.as_ref());
    });
    run(&mut command)
}

/// The page of these inputs, and its text.
fn page<P: AsRef<Path>>(inputs: &[P], options: &[&str]) -> (TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    let run = report(&path, inputs, options);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.is_empty());
    let html = fs::read_to_string(&path).unwrap();
    (folder, path, html)
}

/// A file of attempts that are rejected at an ENI of that name.
fn hostile(folder: &TempDir) -> PathBuf {
    let rows = often(
        3,
        &[
            "a/s egress 10.0.1.5 10.0.2.9 {p} 5432 3 {s} ACCEPT 2",
            "b/d ingress 10.0.1.5 10.0.2.9 {p} 5432 3 {s} REJECT 2",
        ],
    );
    let log = log(&rows).replace("eni-b ", &format!("{HOSTILE} "));
    file(folder, "<img src=x onerror=alert(3)>.log", log)
}

#[test]
fn findings_come_first_then_pictures_then_what_cannot_be_shown() {
    let (.., html) = page(&[testdata("incident")], &[]);
    let order = [
        "The security group of eni-0d73f0b5c9e2a6184 blocks inbound TCP 5432",
        "ip.addr == 10.0.21.40 &#38;&#38;",
        "Accepted and rejected packets, every minute",
        "Rejected packets by protocol, every 15 minutes",
        "Connections by outcome, every minute",
        "Who talks most",
        "Whose packets are rejected",
        "On which ports",
        "Which subnets talk",
        "What this archive cannot show</h2>",
        "1 SKIPDATA",
    ];
    let places: Vec<Option<usize>> = order.iter().map(|text| html.find(text)).collect();
    assert!(places.iter().all(Option::is_some), "{places:?}");
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(html.matches("<svg ").count(), 3);
}

#[test]
fn names_of_the_archive_are_text_wherever_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let (.., html) = page(&[hostile(&folder)], &[]);
    assert!(html.contains("alert(1)") && html.contains("alert(3)"));
    assert_eq!(html.matches("<script>").count(), 1);
    assert!(!html.contains("<img"));
    assert!(html.contains("content=\"default-src 'none'; style-src 'sha256-"));
}

#[test]
fn page_of_a_busy_day_is_small() {
    let mut text =
        "srcaddr dstaddr srcport dstport protocol packets bytes start end action\n".to_owned();
    for i in 0_u32..40_000 {
        let (a, b, at) = (i / 250, i % 250, 1_773_446_400 + i * 2);
        let action = if i % 3 == 0 { "REJECT" } else { "ACCEPT" };
        let (port, protocol) = (i * 7 % 60_000, i % 90);
        writeln!(
            text,
            "10.1.{a}.{b} 10.2.{b}.{a} 40000 {port} {protocol} 3 180 {at} {at} {action}"
        )
        .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let (.., html) = page(&[file(&folder, "day.log", text)], &[]);
    assert!(html.contains("every 15 minutes"));
    assert!(html.len() < 2_000_000, "{} bytes", html.len());
}

#[test]
fn threads_and_order_of_inputs_change_nothing() {
    let parts = [testdata("incident"), testdata("v5_all_fields.log")];
    let (.., one) = page(&parts, &["--threads", "1"]);
    let turned: Vec<&PathBuf> = parts.iter().rev().collect();
    let (.., four) = page(&turned, &["--threads", "4"]);
    assert_eq!(one, four);
}

#[test]
fn standard_input_and_an_input_as_output_are_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let run = report(&folder.path().join("report.html"), &["-"], &[]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("write it to a file first"),
        "{}",
        run.stderr
    );
    let input = hostile(&folder);
    let before = fs::read(&input).unwrap();
    let run = report(&input, &[&input], &[]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("also an input"), "{}", run.stderr);
    assert_eq!(fs::read(&input).unwrap(), before);
}

#[test]
fn what_goes_wrong_says_nothing_of_a_capture() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nowhere/report.html");
    for output in [&*missing, folder.path(), Path::new("/dev/full")] {
        let run = report(output, &[testdata("incident")], &[]);
        assert_eq!(run.code, 2, "{}", output.display());
        let named = output.display().to_string();
        let says = run.stderr.contains(&named) && !run.stderr.contains("capture");
        assert!(says, "{}", run.stderr);
    }
    let silent = "2 111122223333 eni-1 - - - - - - - 1773454500 1773454559 - NODATA\n";
    let (.., html) = page(&[file(&folder, "silent.log", silent)], &[]);
    assert!(html.contains("nothing matches, so there is nothing to tell"));
}

#[test]
fn browser_shows_the_page_without_complaint_or_request_and_sorts_its_tables() {
    let Some(browser) = browser() else { return };
    let (_folder, path, _) = page(&[testdata("incident")], &[]);
    browser.open(&path);
    let column = "return [...document.querySelectorAll('#lists table')].slice(0, 1).flatMap(table => \
                  [...table.tBodies[0].rows].map(row => Number(row.cells[2].dataset.value)))";
    let shown = browser.evaluate(column);
    let mut sorted: Vec<u64> = serde_json::from_value(shown).unwrap();
    assert!(sorted.len() > 2 && !sorted.is_sorted(), "{sorted:?}");
    sorted.sort_unstable();
    let head = "#lists table th:nth-child(3) button";
    browser.click(head);
    let downwards: Vec<u64> = sorted.iter().rev().copied().collect();
    assert_eq!(browser.evaluate(column), json!(downwards));
    browser.press_enter(head);
    assert_eq!(browser.evaluate(column), json!(sorted));
    let copies = "return document.querySelectorAll('.filter button').length";
    assert!(browser.evaluate(copies).as_u64().unwrap() > 0);
    let requests = "return performance.getEntriesByType('resource').length";
    assert_eq!(browser.evaluate(requests), json!(0));
    assert_eq!(browser.console(), [json!(null); 0]);
}

#[test]
fn browser_shows_the_whole_page_on_a_phone_and_only_tables_and_pictures_scroll() {
    let Some(browser) = browser() else { return };
    let (_folder, path, _) = page(&[testdata("incident")], &[]);
    browser.narrow_to(390);
    browser.open(&path);
    let widths = "return [innerWidth, document.documentElement.scrollWidth]";
    assert_eq!(browser.evaluate(widths), json!([390, 390]));
    let wide = "return [...document.querySelectorAll('body *')].filter(element => \
                !element.closest('.wide') && element.getBoundingClientRect().right > 390).length";
    assert_eq!(browser.evaluate(wide), json!(0));
    assert_eq!(browser.console(), [json!(null); 0]);
}

#[test]
fn browser_adds_the_subnets_up_to_what_all_sent() {
    let Some(browser) = browser() else { return };
    let (_folder, path, _) = page(&[testdata("incident")], &[]);
    browser.open(&path);
    let sum = |cells: &str| {
        let script = format!(
            "return [...document.querySelectorAll('{cells}')].reduce((sum, cell) => \
             sum + Number(cell.textContent.replaceAll(',', '')), 0)"
        );
        browser.evaluate(&script).as_u64().unwrap()
    };
    let talkers = sum("#lists h3:first-of-type + .wide td:nth-child(3)");
    assert!(talkers > 100_000, "{talkers}");
    assert_eq!(sum(".matrix td"), talkers);
}

#[test]
fn browser_runs_nothing_of_a_hostile_archive() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (_folder, path, _) = page(&[hostile(&folder)], &[]);
    browser.open(&path);
    let found = "return [document.scripts.length, document.images.length, \
                 document.body.textContent.includes('<script>alert(1)</script>')]";
    assert_eq!(browser.evaluate(found), json!([1, 0, true]));
    assert_eq!(browser.console(), [json!(null); 0]);
}
