//! What a server's certificate must prove → the TLS that PostgreSQL is spoken
//! over.

use super::super::RowsError;
use super::connection::{Roots, Verification};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::error::Error;
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Makes the TLS; reads certificates where they are needed.
pub(super) fn connector(verification: &Verification) -> Result<MakeRustlsConnect, RowsError> {
    let provider = Arc::new(ring::default_provider());
    let (proof, roots) = match verification {
        Verification::Nothing => (Proof::Nothing, Vec::new()),
        Verification::Authority(roots) => (Proof::Authority, certificates(roots)?),
        Verification::Name(roots) => (Proof::Name, certificates(roots)?),
    };
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots.iter().cloned());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|source| RowsError::Certificates {
            what: "the versions of TLS".into(),
            source: source.into(),
        })?;
    // The strictest mode is rustls's own. Libpq's others, and a file that may
    // have the server's own certificate, aren't.
    let builder = if *verification == Verification::Name(Roots::System) {
        builder.with_root_certificates(store)
    } else {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier {
                proof,
                roots,
                store,
                provider,
            }))
    };
    let config = builder.with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn certificates(roots: &Roots) -> Result<Vec<CertificateDer<'static>>, RowsError> {
    let failed = |source: Box<dyn Error + Send + Sync>| RowsError::Certificates {
        what: match roots {
            Roots::System => "the system's certificates".into(),
            Roots::File(path) => format!("the certificates of {path}"),
        },
        source,
    };
    let certificates = match roots {
        Roots::System => {
            let mut found = rustls_native_certs::load_native_certs();
            if let (true, Some(error)) = (found.certs.is_empty(), found.errors.pop()) {
                return Err(failed(error.into()));
            }
            found.certs
        }
        Roots::File(path) => {
            let file = std::fs::File::open(path).map_err(|error| failed(error.into()))?;
            CertificateDer::pem_reader_iter(file)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| failed(error.into()))?
        }
    };
    if certificates.is_empty() {
        return Err(failed("there is none".into()));
    }
    Ok(certificates)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    Nothing,
    Authority,
    Name,
}

/// Verifies as much as libpq does in each of its modes.
#[derive(Debug)]
struct Verifier {
    proof: Proof,
    roots: Vec<CertificateDer<'static>>,
    store: RootCertStore,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.proof == Proof::Nothing {
            return Ok(ServerCertVerified::assertion());
        }
        let parsed = ParsedCertificate::try_from(certificate)?;
        // A self-signed server's own certificate is often given as the root.
        // It is trusted as it is, its dates unread; webpki would refuse an
        // authority's certificate in a server's place.
        if !self.roots.iter().any(|root| root == certificate) {
            verify_server_cert_signed_by_trust_anchor(
                &parsed,
                &self.store,
                intermediates,
                now,
                self.provider.signature_verification_algorithms.all,
            )?;
        }
        if self.proof == Proof::Name {
            verify_server_name(&parsed, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
