//! `report` writes one page that tells what was found, and nothing on it runs but its own script.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::attempts::{log, often};
use crate::support::browser::browser;
use crate::support::tshark::tshark;
use crate::support::{Run, file, flow2pcap, run, testdata};
use assert_cmd::Command;
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
fn summary_comes_first_then_pictures_then_findings_then_what_cannot_be_shown() {
    let (.., html) = page(&[testdata("incident")], &[]);
    let order = [
        "<title>Flow logs of account 111122223333, eu-central-1, vpc-0c5e7a9b1d3f20486, \
         2026-03-14 02:15:04 to 02:28:56 UTC</title>",
        "<h1>Flow logs of account 111122223333",
        "2026-03-14 02:15:04 to 02:28:56 UTC</span></h1>",
        "Findings at a glance",
        "<a href=\"#finding-1\"><span class=\"name\">10.0.11.15</span> cannot reach",
        "Accepted and rejected packets",
        ">accepted packets, per minute<",
        ">rejected packets, per minute<",
        "Rejected packets by protocol",
        "Connections by outcome",
        ">connections that failed, per minute<",
        "<h2>Findings</h2>",
        "id=\"finding-1\"",
        "ip.addr == 10.0.21.40 &#38;&#38;",
        "id=\"finding-2\"",
        "The largest",
        "Who talks most",
        "Whose packets are rejected",
        "On which ports",
        "Traffic between subnets",
        "What this archive cannot show</h2>",
        "1 SKIPDATA",
    ];
    let places: Vec<Option<usize>> = order.iter().map(|text| html.find(text)).collect();
    assert!(places.iter().all(Option::is_some), "{places:?}");
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(html.matches("<svg class=\"chart\"").count(), 3);
    assert_eq!(html.matches("<svg class=\"ladder\"").count(), 7);
    assert_eq!(html.matches("time (UTC)</text>").count(), 3 + 7);
}

/// A log of services that do not answer, as many as that, and of a busy one.
fn many_failures(folder: &TempDir, services: u64) -> PathBuf {
    let mut rows = Vec::new();
    for service in 0..services {
        let row = format!(
            "a{service}/s egress 10.0.1.{service} 10.0.2.{service} {{p}} {} 3 {{s}} ACCEPT 2",
            5_000 + service
        );
        rows.extend(often(12, &[&row]));
    }
    file(folder, "many.log", log(&rows))
}

#[test]
fn findings_beyond_the_first_ten_are_folded_and_all_have_an_anchor() {
    let folder = tempfile::tempdir().unwrap();
    let (.., html) = page(&[many_failures(&folder, 14)], &[]);
    for number in 1..=14 {
        let link = format!("<td class=\"title\"><a href=\"#finding-{number}\">");
        let id = format!("id=\"finding-{number}\"");
        let mark = format!("\" href=\"#finding-{number}\"><title>Finding {number}: ");
        for text in [link, id, mark] {
            assert_eq!(html.matches(&text).count(), 1, "{text}");
        }
    }
    assert!(html.contains("<summary>and 4 more</summary>"));
    let findings = &html[html.find("<h2>Findings</h2>").unwrap()..];
    assert_eq!(findings.matches("</details></li>").count(), 4);
    assert!(findings.find("<details>").unwrap() > findings.find("id=\"finding-10\"").unwrap());
    // Each finding has 12 attempts, and 8 lines are kept.
    assert!(html.contains("and at least 4 more: these are the first lines of 12 attempts"));
    assert_eq!(html.matches("<svg class=\"ladder\"").count(), 10);
}

#[test]
fn ladder_shows_the_packets_that_convert_writes() {
    let (.., html) = page(&[testdata("incident")], &[]);
    let at = html.find("id=\"finding-1\"").unwrap();
    let ladder = &html[at..at + html[at..].find("</svg>").unwrap()];
    let times: Vec<&str> = ladder
        .split("<text class=\"ink\" x=\"8\" y=\"")
        .filter_map(|text| text.split_once('>')?.1.split_once('<'))
        .map(|(time, _)| time)
        .filter(|time| time.contains('.'))
        .collect();
    assert!(times.len() > 2, "{ladder}");
    assert_eq!(
        ladder
            .matches("SYN <tspan class=\"rejected\">REJECT")
            .count(),
        times.len()
    );
    assert_eq!(ladder.matches("class=\"cross\"").count(), times.len());
    for name in ["10.0.11.15:", "10.0.21.40:5432", "eni-0d73f0b5c9e2a6184"] {
        assert!(ladder.contains(name), "{name}");
    }
    let Some(tshark) = tshark() else { return };
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("incident.pcapng");
    let converted = run(flow2pcap()
        .arg("convert")
        .arg(testdata("incident"))
        .arg("--output")
        .arg(&capture));
    assert_eq!(converted.code, 0, "{}", converted.stderr);
    let port = ladder.split("10.0.11.15:").nth(1).unwrap();
    let port = port.split(|c: char| !c.is_ascii_digit()).next().unwrap();
    let filter = format!("tcp.srcport == {port} && tcp.dstport == 5432");
    let written = tshark.fields(&capture, &filter, &["frame.time_epoch"]);
    let time = |row: &Vec<String>| {
        let (second, rest) = row[0].split_once('.').unwrap();
        let second = second.parse::<u64>().unwrap() % 86_400;
        let (h, m, s) = (second / 3_600, second / 60 % 60, second % 60);
        format!("{h:02}:{m:02}:{s:02}.{}", &rest[..3])
    };
    assert_eq!(times, written.iter().map(time).collect::<Vec<_>>());
}

#[test]
fn long_connection_is_drawn_in_few_arrows() {
    let mut rows = vec!["a/s egress 10.0.1.5 10.0.2.9 41000 5432 1 0 ACCEPT 2".to_owned()];
    for minute in 1..30 {
        let second = minute * 100;
        rows.push(format!(
            "a/s egress 10.0.1.5 10.0.2.9 41000 5432 9 {second} ACCEPT 0"
        ));
    }
    rows.push("a/s ingress 10.0.2.9 10.0.1.5 5432 41000 1 0 ACCEPT 18".to_owned());
    rows.push("a/s ingress 10.0.2.9 10.0.1.5 5432 41000 1 3000 ACCEPT 4".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let (.., html) = page(&[file(&folder, "long.log", log(&rows))], &[]);
    let ladder = html.split("<svg class=\"ladder\"").nth(1).unwrap();
    let ladder = &ladder[..ladder.find("</svg>").unwrap()];
    assert!(ladder.matches("class=\"arrow\"").count() <= 12, "{ladder}");
    assert!(ladder.contains("more packets</text>"), "{ladder}");
    assert!(
        ladder.contains("8 ACKs, in 7 s") && ladder.contains(">RST"),
        "{ladder}"
    );
}

#[test]
fn command_beside_a_finding_converts_what_its_display_filter_shows() {
    let (.., html) = page(&[testdata("incident")], &[]);
    let unescaped = html
        .replace("&#39;", "'")
        .replace("&#38;", "&")
        .replace("&#34;", "\"");
    let codes = unescaped.split("<dd class=\"copy\"><code>").skip(1);
    // Filters with fields need a Wireshark with the script; wireshark_files.rs has one.
    let codes: Vec<&str> = codes
        .map(|code| code.split("</code>").next().unwrap())
        .filter(|code| !code.contains("flowlog."))
        .collect();
    assert_eq!(codes.len(), 14, "a filter and a command for each finding");
    let folder = tempfile::tempdir().unwrap();
    for pair in codes.chunks(2) {
        let [filter, command] = pair else { panic!() };
        let program = flow2pcap().get_program().to_owned();
        let arguments = command.strip_prefix("flow2pcap ").unwrap();
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(format!("\"$0\" {arguments}"))
            .arg(program)
            .current_dir(folder.path());
        let converted = run(&mut shell);
        assert_eq!(converted.code, 0, "{command}: {}", converted.stderr);
        let name = command.split(" -o ").nth(1).unwrap();
        let capture = folder.path().join(name.split(' ').next().unwrap());
        assert!(capture.exists(), "{command}");
        if let Some(tshark) = tshark() {
            assert!(tshark.count(&capture, filter) > 0, "{command}: {filter}");
        }
    }
}

#[test]
fn ids_of_aws_link_to_the_console_of_their_region_and_no_others() {
    let (.., html) = page(&[testdata("incident")], &[]);
    let links: Vec<&str> = html
        .split("href=\"https://")
        .skip(1)
        .map(|link| link.split('"').next().unwrap())
        .collect();
    for fragment in [
        "NetworkInterface:networkInterfaceId=eni-0d73f0b5c9e2a6184",
        "SubnetDetails:subnetId=subnet-",
        "InstanceDetails:instanceId=i-",
        "VpcDetails:VpcId=vpc-0c5e7a9b1d3f20486",
    ] {
        assert!(
            links.iter().any(|link| link.contains(fragment)),
            "{fragment}: {links:?}"
        );
    }
    let is_there = |link: &&str| {
        link.starts_with("eu-central-1.console.aws.amazon.com/")
            && link.contains("/home?region=eu-central-1#")
    };
    assert!(links.iter().all(is_there), "{links:?}");
    let folder = tempfile::tempdir().unwrap();
    let (.., html) = page(&[hostile(&folder)], &[]);
    assert!(
        !html.contains("href=\"https://"),
        "no region, and no id of AWS"
    );
}

#[test]
fn page_of_another_kind_than_html_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["report.pdf", "report.PDF", "a.txt", "report.pdf.gz"] {
        let page = folder.path().join(name);
        let run = report(&page, &[testdata("incident")], &[]);
        assert_eq!(run.code, 2, "{name}");
        let says =
            run.stderr.contains("report writes HTML") && run.stderr.contains("print the page");
        assert!(says, "{}", run.stderr);
        assert!(!page.exists());
    }
    for name in ["report.htm", "report.HTML", "report.html.gz", "page"] {
        let run = report(&folder.path().join(name), &[testdata("incident")], &[]);
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
    }
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
    assert!(html.contains("accepted packets, per 15 minutes"));
    let columns = html.matches("<g class=\"column\">").count();
    assert!((3 * 60..=3 * 121).contains(&columns), "{columns}");
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
fn input_as_output_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let before = fs::read(hostile(&folder)).unwrap();
    let input = file(&folder, "input.html", &before);
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
    let none = folder.path().join("none.html");
    let run = report(&none, &[testdata("incident")], &["--host", "192.0.2.1"]);
    assert_eq!(run.code, 3);
    assert!(
        run.stderr.contains("no record matches host 192.0.2.1"),
        "{}",
        run.stderr
    );
    assert!(!none.exists());
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
    let copies = "return document.querySelectorAll('.copy button').length";
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

#[test]
fn browser_opens_a_folded_finding_for_its_link_and_all_of_them_on_paper() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (_folder, path, _) = page(&[many_failures(&folder, 14)], &[]);
    browser.open(&path);
    let open = "return [...document.querySelectorAll('.finding details')].map(fold => fold.open)";
    assert_eq!(browser.evaluate(open), json!([false, false, false, false]));
    browser.evaluate("location.hash = '#finding-12'");
    browser.evaluate("return new Promise(done => requestAnimationFrame(() => setTimeout(done)))");
    assert_eq!(browser.evaluate(open), json!([false, true, false, false]));
    browser.evaluate("dispatchEvent(new Event('beforeprint'))");
    assert_eq!(browser.evaluate(open), json!([true, true, true, true]));
    browser.evaluate("dispatchEvent(new Event('afterprint'))");
    assert_eq!(browser.evaluate(open), json!([false, true, false, false]));
    assert_eq!(browser.console(), [json!(null); 0]);
}

#[test]
fn browser_breaks_no_name_and_shows_what_a_bar_counts() {
    let Some(browser) = browser() else { return };
    let (_folder, path, _) = page(&[testdata("incident")], &[]);
    browser.narrow_to(390);
    browser.open(&path);
    let broken = "return [...document.querySelectorAll('.name')].filter(name => \
                  name.getClientRects().length !== 1).map(name => name.textContent)";
    assert_eq!(browser.evaluate(broken), json!([]));
    let names = "return document.querySelectorAll('.name').length";
    assert!(browser.evaluate(names).as_u64().unwrap() > 30);
    let hover = "const column = document.querySelector('.column'); \
                 column.dispatchEvent(new PointerEvent('pointerenter', {clientX: 9, clientY: 9})); \
                 return document.querySelector('.hover').textContent";
    let text = browser.evaluate(hover);
    let text = text.as_str().unwrap();
    assert!(
        text.starts_with("2026-03-14 02:15:00 to 02:16:00 UTC\nACCEPT: "),
        "{text}"
    );
    assert_eq!(browser.console(), [json!(null); 0]);
}

/// The drawings of a page.
fn drawings(html: &str) -> Vec<&str> {
    let parts = html.split("<svg").skip(1);
    parts
        .map(|part| part.split("</svg>").next().unwrap())
        .collect()
}

#[test]
fn standard_input_gives_the_page_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let log = fs::read(testdata("v5_fifty.log")).unwrap();
    let log = file(&folder, "in.log", log);
    let (.., of_file) = page(&[&log], &[]);
    let output = flow2pcap()
        .args(["report", "-", "-o", "-"])
        .write_stdin(fs::read(&log).unwrap())
        .output()
        .unwrap();
    let of_stdin = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(drawings(&of_file).len() > 2);
    assert_eq!(drawings(&of_stdin), drawings(&of_file));
}

#[test]
fn errors_of_a_load_balancer_in_standard_input_are_refused_because_they_are_read_twice() {
    let folder = tempfile::tempdir().unwrap();
    let request = "http 2026-03-14T02:16:00.000000Z app/web/50dc6c495c0c9188 192.0.2.7:40000 10.0.1.9:80 0.001 \
                   0.002 -1 502 - 34 366 \"GET http://example.com:80/ HTTP/1.1\" \"curl\" - - \
                   arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/web/73e2d6bc24d8a067 \
                   \"Root=1-58337262-36d228ad5d99923122bbe354\" \"-\" \"-\" 0 2026-03-14T02:15:59.998000Z \"forward\" \
                   \"-\" \"-\" \"10.0.1.9:80\" \"-\" \"-\" \"-\"\n";
    let page = folder.path().join("page.html");
    let mut command = flow2pcap();
    command.arg("report").arg("-").arg(testdata("v5_fifty.log"));
    let output = command
        .arg("-o")
        .arg(&page)
        .write_stdin(request)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("write it to a file first"), "{stderr}");
    assert!(!page.exists());
}

#[test]
fn page_is_the_same_when_its_records_wait_in_temporary_files() {
    let folder = tempfile::tempdir().unwrap();
    let line = |n: u32| {
        let (a, b, at) = (n >> 8 & 255, n & 255, 1_773_475_200 + n / 100);
        format!(
            "2 111122223333 eni-a 10.0.{a}.{b} 10.1.0.2 {} 443 6 9 900 {at} {} {} OK\n",
            1_024 + n % 60_000,
            at + 30,
            if n.is_multiple_of(7) {
                "REJECT"
            } else {
                "ACCEPT"
            }
        )
    };
    let log = file(&folder, "in.log", (0..60_000).map(line).collect::<String>());
    let drawn = |memory: &str| {
        let (.., html) = page(&[&log], &["--memory", memory]);
        drawings(&html)
            .iter()
            .map(|svg| (*svg).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(drawn("16MiB"), drawn("4GiB"));
}
