//! An answer whose body is gzip → the same with what it holds. Rowcast's own host
//! has taken the coding off already; others pass on what came.

use crate::message::is_refusal;
use crate::platform::{HttpError, HttpResponse};
use flate2::read::MultiGzDecoder;
use std::io::{self, Read};

/// No other body begins so. Headers don't tell: a host may leave them as they
/// were.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Decodes a body, of which so many bytes may come.
pub fn decoded(mut response: HttpResponse, most: u64) -> Result<HttpResponse, HttpError> {
    if !response.body.starts_with(&GZIP) {
        return Ok(response);
    }
    response.body = match plain(&response.body, most) {
        Ok(plain) => plain,
        Err(_) if is_refusal(response.status) => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(response)
}

fn plain(packed: &[u8], most: u64) -> Result<Vec<u8>, HttpError> {
    let plain = unpacked(packed, most.saturating_add(1))
        .map_err(|error| HttpError::Unavailable(format!("its gzip body is damaged: {error}")))?;
    if u64::try_from(plain.len()).is_ok_and(|length| length > most) {
        return Err(HttpError::TooLarge);
    }
    Ok(plain)
}

/// What gzip holds, of which at most so many bytes come.
pub fn unpacked(packed: &[u8], most: u64) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(packed)
        .take(most)
        .read_to_end(&mut plain)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn body(bytes: &[u8], most: u64) -> Result<Vec<u8>, HttpError> {
        let response = HttpResponse {
            status: 200,
            headers: Vec::new(),
            body: bytes.to_vec(),
        };
        decoded(response, most).map(|response| response.body)
    }

    #[test]
    fn a_refusal_needs_no_body() {
        let coded = gzip(&"[1]".repeat(1_000));
        for body in [coded.get(..coded.len() - 9).unwrap(), &coded] {
            let response = HttpResponse {
                status: 429,
                headers: vec![("retry-after".to_owned(), "1".to_owned())],
                body: body.to_vec(),
            };
            let found = decoded(response.clone(), 100).unwrap();
            assert_eq!((found.status, found.headers), (429, response.headers));
            assert!(found.body.is_empty());
        }
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_is_decoded_within_bounds() {
        let text = "[1]".repeat(1_000);
        let coded = gzip(&text);
        assert!(coded.len() < 100);
        assert_eq!(body(&coded, 3_000).unwrap(), text.as_bytes());
        assert!(matches!(body(&coded, 2_999), Err(HttpError::TooLarge)));
        let cut = coded.get(..coded.len() - 9).unwrap();
        assert!(matches!(body(cut, 3_000), Err(HttpError::Unavailable(_))));
        let twice = [gzip("a"), gzip("b")].concat();
        assert_eq!(body(&twice, 2).unwrap(), b"ab");
        assert_eq!(body(b"[]", 0).unwrap(), b"[]");
        assert_eq!(body(b"", 0).unwrap(), b"");
    }
}
