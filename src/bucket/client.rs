//! The client of a bucket: who asks, how often, and what it cost.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use opendal::layers::{RetryLayer, TimeoutLayer};
use opendal::services::S3;
use opendal::{HttpBody, HttpTransport, HttpTransporter, OperationContext, Operator};
use tokio::runtime::{Builder, Handle, Runtime};

use super::access;
use super::credentials::credentials;

/// How often a request is repeated. With waits from a quarter of a second, each twice as long as the one
/// before, that is about eight seconds.
const RETRIES_MAX: usize = 5;

/// The first wait before a repetition. A random part of it is added, so that many do not come at once.
const WAIT_MIN: Duration = Duration::from_millis(250);

/// How long the server may take to answer, and to send the next bytes of a body.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The region of a server that does not say which it is.
const REGION: &str = "us-east-1";

static REQUESTS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// What this process asked of buckets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct BucketTraffic {
    /// Requests, each repetition too.
    pub requests: u64,
    /// Bytes of objects that were received.
    pub bytes: u64,
}

/// Returns what this process asked of buckets so far.
pub fn traffic() -> BucketTraffic {
    BucketTraffic {
        requests: REQUESTS.load(Relaxed),
        bytes: BYTES.load(Relaxed),
    }
}

/// Counts bytes of an object.
pub(super) fn received(bytes: usize) {
    BYTES.fetch_add(bytes as u64, Relaxed);
}

/// Counts the requests that another transport carries.
struct CountedTransport(HttpTransporter);

impl HttpTransport for CountedTransport {
    async fn fetch(
        &self,
        request: http::Request<opendal::Buffer>,
    ) -> opendal::Result<http::Response<HttpBody>> {
        REQUESTS.fetch_add(1, Relaxed);
        self.0.fetch(request).await
    }
}

/// Returns what runs the requests, on threads of its own: the threads of a run wait for them.
///
/// # Errors
/// The system refuses the threads.
pub(super) fn runtime() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let made = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("bucket")
        .enable_all()
        .build()?;
    Ok(RUNTIME.get_or_init(|| made))
}

/// Waits for a request. A thread that runs requests of its own, as that of a query, may not wait, so another
/// one does.
///
/// # Errors
/// The system refuses threads.
pub(super) fn wait<F>(request: F) -> io::Result<F::Output>
where
    F: Future<Output: Send> + Send,
{
    let runtime = runtime()?;
    if Handle::try_current().is_err() {
        return Ok(runtime.block_on(request));
    }
    thread::scope(|scope| {
        let waiting = thread::Builder::new().spawn_scoped(scope, || runtime.block_on(request))?;
        waiting
            .join()
            .map_err(|_| io::Error::other("a request was not answered"))
    })
}

/// Makes a client for a bucket.
///
/// # Errors
/// The options do not fit each other, or the system refuses threads.
pub(super) fn client(bucket: &str) -> io::Result<Operator> {
    let access = access::current();
    opendal::install_default();
    let credentials = credentials(access.profile.as_deref());
    let mut s3 = S3::default()
        .bucket(bucket)
        .credential_provider_chain(credentials);
    if let Some(url) = &access.endpoint_url {
        s3 = s3.endpoint(url);
    }
    if access.no_sign_request {
        s3 = s3.skip_signature();
    }
    if access.requester_pays {
        s3 = s3.enable_request_payer();
    }
    let region = match access.region {
        Some(region) => region,
        None => region(bucket, access.endpoint_url.as_deref())?,
    };
    let retry = RetryLayer::new()
        .with_max_times(RETRIES_MAX)
        .with_min_delay(WAIT_MIN)
        .with_jitter();
    let timeout = TimeoutLayer::new()
        .with_timeout(TIMEOUT)
        .with_io_timeout(TIMEOUT);
    let transport = HttpTransporter::new(CountedTransport(HttpTransporter::default()));
    let context = OperationContext::new().with_http_transport(transport);
    let client = Operator::new(s3.region(&region))?.with_context(context);
    Ok(client.layer(timeout).layer(retry))
}

/// Returns the region of a bucket: the one that the server says, or that of the environment.
fn region(bucket: &str, endpoint_url: Option<&str>) -> io::Result<String> {
    let of_environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let server = match endpoint_url {
        Some(url) => Some(url.to_owned()),
        None => ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]
            .iter()
            .find_map(|name| of_environment(name)),
    };
    let server = server.as_deref().unwrap_or("https://s3.amazonaws.com");
    REQUESTS.fetch_add(1, Relaxed);
    let detection = S3::detect_region(server, bucket);
    let detected = wait(async { tokio::time::timeout(TIMEOUT, detection).await })?;
    let names = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    Ok(detected
        .ok()
        .flatten()
        .or_else(|| names.iter().find_map(|name| of_environment(name)))
        .unwrap_or_else(|| REGION.to_owned()))
}
