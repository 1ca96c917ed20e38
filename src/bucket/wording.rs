//! What a server's refusal means, in words.

use std::io;

use opendal::{Error, ErrorKind};

/// What it means that the server sends too many refusals.
const BUSY: &str = "the server asks for fewer requests, also after several attempts";

/// What servers say, and what it means. The first that fits is used.
const MEANINGS: [(&str, &str); 9] = [
    (
        "InvalidObjectState",
        "it is archived in Glacier: restore it first",
    ),
    (
        "KMS",
        "its KMS key refuses to decrypt it for these credentials",
    ),
    ("NoSuchBucket", "there is no such bucket"),
    (
        "InvalidAccessKeyId",
        "the server does not know the access key",
    ),
    (
        "SignatureDoesNotMatch",
        "the server does not accept the secret key",
    ),
    (
        "ExpiredToken",
        "the credentials have expired: sign in again",
    ),
    ("SlowDown", BUSY),
    ("AccessDenied", "access is denied"),
    (
        "signing credential",
        "no credentials found: sign in, or choose a profile that has some",
    ),
];

/// Returns an error of the client in words.
pub(super) fn worded(error: &Error) -> io::Error {
    let text = error.to_string();
    let meaning = MEANINGS.iter().find(|(word, _)| text.contains(word));
    let kind = match error.kind() {
        ErrorKind::NotFound => io::ErrorKind::NotFound,
        ErrorKind::PermissionDenied => io::ErrorKind::PermissionDenied,
        _ => io::ErrorKind::Other,
    };
    let words = match (meaning, error.kind()) {
        (Some((_, words)), _) => (*words).to_owned(),
        (None, ErrorKind::NotFound) => "it is not there".to_owned(),
        (None, ErrorKind::PermissionDenied) => "access is denied".to_owned(),
        (None, ErrorKind::RateLimited) => BUSY.to_owned(),
        (None, _) => brief(error),
    };
    io::Error::new(kind, words)
}

/// Returns the message of an error without its context, and the first cause.
fn brief(error: &Error) -> String {
    let text = error.to_string();
    let message = text
        .rsplit_once("=> ")
        .map_or(text.as_str(), |(_, message)| message);
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    match causes.last() {
        Some(cause) if text.contains("send http request") => {
            format!("the server does not answer: {cause}")
        }
        Some(cause) => format!("{message}: {cause}"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_they_mean() {
        let of = |kind, text: &str| worded(&Error::new(kind, text)).to_string();
        let glacier = of(
            ErrorKind::Unexpected,
            "S3Error { code: \"InvalidObjectState\" }",
        );
        assert_eq!(glacier, "it is archived in Glacier: restore it first");
        assert_eq!(of(ErrorKind::NotFound, "NoSuchKey"), "it is not there");
        assert_eq!(of(ErrorKind::PermissionDenied, "x"), "access is denied");
        assert_eq!(
            of(ErrorKind::Unexpected, "connection reset"),
            "connection reset"
        );
    }
}
