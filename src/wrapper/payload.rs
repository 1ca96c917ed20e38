//! Event files: the input of a Lambda function, with compressed data in Base64.
//!
//! The data is in `awslogs.data` from CloudWatch, in `kinesis.data` of each record from Kinesis,
//! and in `data` of each record from Firehose. The decoded data is examined by its content, like a
//! file.

use std::io::Cursor;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::batch::excerpt;
use super::json::Json;
use crate::archive::{Magic, Stream};

/// Returns the encoded data of an event file's record.
pub(super) fn encoded<'v>(value: &'v Json<'_>) -> Option<&'v str> {
    let paths: [&[&str]; 3] = [&["awslogs", "data"], &["kinesis", "data"], &["data"]];
    paths.iter().find_map(|path| value.at(path)?.text())
}

/// Decodes the data that [`encoded`] returned. It is decompressed while it is read.
pub(super) fn decode(encoded: &str) -> Result<Stream, String> {
    let bytes = BASE64.decode(encoded.trim()).map_err(|error| {
        let found = excerpt(encoded.as_bytes());
        format!("expected Base64: {error}; found {found}")
    })?;
    let mut source = Stream::new(Cursor::new(bytes))
        .map_err(|reason| format!("expected text or gzip, found: {reason}"))?;
    match Magic::of(source.head(HEAD_LEN)) {
        magic @ Magic::Parquet => Err(format!("expected text or gzip, found: {magic}")),
        _ => Ok(source),
    }
}

/// Number of bytes that distinguish a table from text.
const HEAD_LEN: usize = 4;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_found_in_each_kind_of_event_file_and_decoded() {
        for text in [
            r#"{"awslogs":{"data":"MiBPSwo="}}"#,
            r#"{"kinesis":{"data":"MiBPSwo"},"eventSource":"aws:kinesis"}"#,
            r#"{"recordId":"1","data":"MiBPSwo="}"#,
        ] {
            let value = Json::parse(text.as_bytes()).unwrap();
            let mut source = decode(encoded(&value).unwrap()).unwrap();
            assert_eq!(source.head(9), b"2 OK\n");
        }
    }

    #[test]
    fn data_that_is_not_base64_or_not_text_gives_what_was_expected() {
        let message = decode("&&").unwrap_err();
        assert!(message.starts_with("expected Base64"), "{message}");
        let message = decode("UEFSMQ==").unwrap_err();
        assert!(message.contains("Parquet"), "{message}");
    }
}
