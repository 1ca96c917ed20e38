//! Where objects are: `s3://BUCKET/KEY`.

use std::path::Path;

/// A bucket and a key, or the beginning of keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Location {
    /// The name of the bucket.
    pub bucket: String,
    /// The key without a slash in front; empty for the whole bucket.
    pub key: String,
}

impl Location {
    /// Returns the location that an input names, if it begins with `s3://` and has a bucket.
    pub fn of(input: &Path) -> Option<Self> {
        let rest = input.to_str()?.strip_prefix("s3://")?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        (!bucket.is_empty()).then(|| Self {
            bucket: bucket.to_owned(),
            key: key.trim_start_matches('/').to_owned(),
        })
    }

    /// Returns the key of the folder with that name, which ends in a slash or is empty.
    pub(super) fn folder(&self) -> String {
        match self.key.is_empty() || self.key.ends_with('/') {
            true => self.key.clone(),
            false => format!("{}/", self.key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_and_key_are_divided_at_the_first_slash() {
        let of =
            |text: &str| Location::of(Path::new(text)).map(|at| (at.bucket.clone(), at.folder()));
        let some = |bucket: &str, folder: &str| Some((bucket.to_owned(), folder.to_owned()));
        assert_eq!(of("s3://logs"), some("logs", ""));
        assert_eq!(of("s3://logs/"), some("logs", ""));
        assert_eq!(of("s3://logs/AWSLogs"), some("logs", "AWSLogs/"));
        assert_eq!(of("s3://logs/AWSLogs/1/"), some("logs", "AWSLogs/1/"));
        assert_eq!(of("s3://"), None);
        assert_eq!(of("s3:///x"), None);
        assert_eq!(of("logs/s3://x"), None);
    }
}
