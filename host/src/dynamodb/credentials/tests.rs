//! Providers that follow a script, and a clock that's an argument.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use aws_credential_types::provider::future;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;

/// Seconds of life, or none for a provider that fails; a key per answer.
#[derive(Debug)]
pub(in crate::dynamodb) struct Script {
    pub lives: Mutex<VecDeque<Option<u64>>>,
    pub start: SystemTime,
    pub asked: Arc<AtomicU32>,
}

impl ProvideCredentials for Script {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            tokio::task::yield_now().await;
            let number = self.asked.fetch_add(1, Ordering::SeqCst);
            let life = self.lives.lock().unwrap().pop_front().flatten();
            let life = life.ok_or_else(|| CredentialsError::provider_error("out of order"))?;
            let expiry = self.start + Duration::from_secs(life);
            let token = Some(format!("token-{number}"));
            Ok(Credentials::new(
                "AKIDEXAMPLE",
                "hunter2",
                token,
                Some(expiry),
                "script",
            ))
        })
    }
}

fn start() -> SystemTime {
    httpdate::parse_http_date("Fri, 15 Jan 2027 08:00:00 GMT").unwrap()
}

fn script(lives: &[Option<u64>]) -> (Keyring, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let lives = Mutex::new(lives.iter().copied().collect());
    let provider = Script {
        lives,
        start: start(),
        asked: Arc::clone(&asked),
    };
    (
        Keyring::new(provider, "a script", Duration::from_secs(5)),
        asked,
    )
}

/// At which seconds credentials are asked for, and which are had: the number
/// of the provider's answer, or none for an error.
async fn check(lives: &[Option<u64>], gets: &[(u64, Option<u32>)], asked: u32) {
    let (keyring, count) = script(lives);
    for (second, expected) in gets {
        let got = keyring.get(start() + Duration::from_secs(*second)).await;
        let token = got
            .ok()
            .map(|found| found.session_token().unwrap().to_owned());
        let expected = expected.map(|number| format!("token-{number}"));
        assert_eq!(token, expected, "{lives:?} at {second}");
    }
    assert_eq!(count.load(Ordering::SeqCst), asked, "{lives:?}");
}

#[tokio::test]
async fn renewed_before_expiry() {
    // Kept until five minutes before the end.
    check(
        &[Some(3600), Some(7200)],
        &[(0, Some(0)), (3299, Some(0)), (3300, Some(1))],
        2,
    )
    .await;
    // A failure leaves those at hand, and the provider its peace for a while.
    let failing = [Some(3600), None, None, Some(9000)];
    let gets = [
        (0, Some(0)),
        (3300, Some(0)),
        (3310, Some(0)),
        (3330, Some(0)),
        (3360, Some(3)),
    ];
    check(&failing, &gets, 4).await;
    // Once expired, they're of no use.
    check(&[Some(600), None], &[(0, Some(0)), (600, None)], 2).await;
    // A provider that gives the same ones isn't asked for every request.
    check(
        &[Some(100), Some(100)],
        &[(0, Some(0)), (29, Some(0)), (30, Some(1))],
        2,
    )
    .await;
    check(&[Some(0)], &[(1, None)], 1).await;
}

#[tokio::test]
async fn one_flight() {
    let (keyring, asked) = script(&[Some(3600)]);
    let gets = (0..50).map(|_| keyring.get(start()));
    let found = futures_util::future::join_all(gets).await;
    assert!(
        found
            .iter()
            .all(|one| one.as_ref().is_ok_and(|one| one.expiry().is_some()))
    );
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // They fail together, too; whoever comes later asks again.
    let (keyring, asked) = script(&[None, Some(3600)]);
    let gets = (0..50).map(|_| keyring.get(start()));
    let found = futures_util::future::join_all(gets).await;
    assert!(found.iter().all(Result::is_err));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(keyring.get(start()).await.is_ok());
}

#[tokio::test]
async fn refused_ones_are_replaced_once() {
    let (keyring, asked) = script(&[Some(3600), Some(3600)]);
    let first = keyring.get(start()).await.unwrap();
    assert!(keyring.refused(&first));
    let second = keyring.get(start()).await.unwrap();
    assert!(!same(&first, &second));
    // A late refusal of the old ones leaves the new ones alone.
    assert!(keyring.refused(&first));
    assert!(same(&second, &keyring.get(start()).await.unwrap()));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn fixed_ones() {
    let given = StaticCredentials {
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: Secret::new("hunter2"),
        session_token: None,
    };
    let keyring = Keyring::fixed(&given, Duration::from_secs(1));
    let found = keyring.get(start()).await.unwrap();
    assert_eq!(
        (found.access_key_id(), found.secret_access_key()),
        ("AKIDEXAMPLE", "hunter2")
    );
    assert!(!keyring.refused(&found));
    assert!(!format!("{given:?} {keyring:?} {found:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_profile_that_nobody_has() {
    let name = "rowcast-test-no-such-profile";
    let keyring = Keyring::standard(Some(name), "eu-west-1", Duration::from_secs(15)).await;
    let error = keyring.get(start()).await.unwrap_err();
    assert!(error.to_string().contains(name), "{error}");
    assert!(matches!(
        error,
        KeyringError::Absent { .. } | KeyringError::Failed { .. }
    ));
}

#[tokio::test]
async fn says_what_was_tried() {
    let (keyring, _) = script(&[None]);
    let error = keyring.get(start()).await.unwrap_err();
    let text = super::super::with_causes(&error);
    assert!(
        text.contains("tried a script") && text.contains("out of order"),
        "{text}"
    );
    assert!(error.hint().is_some());
}
