//! How buckets are reached: the account, the region and the server.
//!
//! This is one for the whole process, as the variables `AWS_…` are, which apply to what is not set here.

use std::sync::{OnceLock, PoisonError, RwLock};

/// How buckets are reached. What is not set comes from the environment and the files in `~/.aws`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BucketAccess {
    /// The profile in `~/.aws/config` and `~/.aws/credentials`.
    pub profile: Option<String>,
    /// The region of the bucket. By default the server is asked.
    pub region: Option<String>,
    /// A server other than AWS, as `http://127.0.0.1:9000`.
    pub endpoint_url: Option<String>,
    /// Whether requests are not signed, for buckets that anyone can read.
    pub no_sign_request: bool,
    /// Whether the reader pays for requests, not the owner of the bucket.
    pub requester_pays: bool,
}

fn access() -> &'static RwLock<BucketAccess> {
    static ACCESS: OnceLock<RwLock<BucketAccess>> = OnceLock::new();
    ACCESS.get_or_init(RwLock::default)
}

/// Sets how buckets that are listed from now on are reached.
pub fn set_access(of_process: BucketAccess) {
    *access().write().unwrap_or_else(PoisonError::into_inner) = of_process;
}

/// Returns how buckets are reached.
pub(super) fn current() -> BucketAccess {
    let access = access().read().unwrap_or_else(PoisonError::into_inner);
    access.clone()
}
