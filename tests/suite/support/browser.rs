//! A real browser as the judge of a page: headless Chromium, driven through chromedriver.
//!
//! Where they are not installed, each test that needs them says on stderr that it was left out. With
//! `FLOW2PCAP_REQUIRE_CHROMIUM=1` in the environment their absence is a failure.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// What chromedriver says when it listens, before the number of its port.
const LISTENS: &str = "started successfully on port ";

/// The longest wait for a page.
const PAGE_WAIT: Duration = Duration::from_secs(60);

/// A browser with one window; it ends when this is dropped.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    /// Its profile, which nothing else has used.
    _profile: TempDir,
}

/// A browser; `None`, after naming the test that calls, where there is none.
pub(crate) fn browser() -> Option<Browser> {
    let started = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let has_chromium = Command::new("chromium").arg("--version").output().is_ok();
    if let (Ok(driver), true) = (started, has_chromium) {
        return Some(Browser::start(driver));
    }
    let required = std::env::var_os("FLOW2PCAP_REQUIRE_CHROMIUM").is_some_and(|value| value == "1");
    assert!(
        !required,
        "chromium and chromedriver are not installed, and FLOW2PCAP_REQUIRE_CHROMIUM=1"
    );
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test").to_owned();
    // println! would be captured; nothing is lost if stderr is closed.
    let _ = writeln!(std::io::stderr(), "left out, for want of chromium: {test}");
    None
}

impl Browser {
    fn start(mut driver: Child) -> Self {
        let stdout = BufReader::new(driver.stdout.take().unwrap());
        let mut lines = stdout.lines().map(Result::unwrap);
        let line = lines.find(|line| line.contains(LISTENS)).unwrap();
        let port = line.split(LISTENS).nth(1).unwrap();
        let port = port.trim_end_matches('.').parse().unwrap();
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Self {
            driver,
            port,
            session: String::new(),
            _profile: profile,
        };
        let profile = format!("--user-data-dir={}", browser._profile.path().display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1200,1000",
            &profile,
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let session = browser.call("POST", "/session", &wanted);
        session["sessionId"]
            .as_str()
            .unwrap()
            .clone_into(&mut browser.session);
        browser
    }

    /// Opens a file.
    pub(crate) fn open(&self, page: &Path) {
        self.ask("url", &json!({"url": format!("file://{}", page.display())}));
        // On a busy machine, the answer may come before the page is there.
        let path = json!(page.display().to_string());
        let is_there = format!(
            "return decodeURIComponent(location.pathname) === {path} && document.readyState === 'complete'"
        );
        let begun = Instant::now();
        while self.evaluate(&is_there) != json!(true) {
            assert!(begun.elapsed() < PAGE_WAIT, "the page was not shown");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the body of a function gives, run beside the page's own scripts.
    pub(crate) fn evaluate(&self, body: &str) -> Value {
        self.ask("execute/sync", &json!({"script": body, "args": []}))
    }

    /// Clicks on the first element that a CSS selector finds.
    pub(crate) fn click(&self, selector: &str) {
        self.ask(
            &format!("element/{}/click", self.element(selector)),
            &json!({}),
        );
    }

    /// The name that the protocol has for the first element that a CSS selector finds.
    fn element(&self, selector: &str) -> String {
        let wanted = json!({"using": "css selector", "value": selector});
        let found = self.ask("element", &wanted);
        let (_, id) = found.as_object().unwrap().iter().next().unwrap();
        id.as_str().unwrap().to_owned()
    }

    /// Presses Enter on the first element that a CSS selector finds.
    pub(crate) fn press_enter(&self, selector: &str) {
        // U+E007 is the key Enter (WebDriver, section 17.4.2).
        let key = json!({"text": "\u{e007}"});
        self.ask(&format!("element/{}/value", self.element(selector)), &key);
    }

    /// Makes its window as wide as this, in CSS pixels, as a phone shows a page.
    pub(crate) fn narrow_to(&self, width: u32) {
        let size = json!({"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": true});
        let command = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": size});
        self.ask("goog/cdp/execute", &command);
    }

    /// Gives its page the focus of the keyboard, as the window in front has it.
    pub(crate) fn focus(&self) {
        let command =
            json!({"cmd": "Emulation.setFocusEmulationEnabled", "params": {"enabled": true}});
        self.ask("goog/cdp/execute", &command);
    }

    /// What the browser has to say of the page on its console.
    pub(crate) fn console(&self) -> Vec<Value> {
        let log = self.ask("se/log", &json!({"type": "browser"}));
        log.as_array().unwrap().clone()
    }

    fn ask(&self, command: &str, body: &Value) -> Value {
        self.call(
            "POST",
            &format!("/session/{}/{command}", self.session),
            body,
        )
    }

    /// One request of the WebDriver protocol, which must succeed.
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let (body, port) = (body.to_string(), self.port);
        let len = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {len}\r\n\r\n"
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut answer_len = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(len) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                answer_len = len.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut answer = vec![0; answer_len];
        reader.read_exact(&mut answer).unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert!(answer["value"]["error"].is_null(), "{path}: {answer:#}");
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.call("DELETE", &format!("/session/{}", self.session), &json!({}));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
