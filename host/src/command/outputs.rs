//! What a run tells → the progress line, the rejections file, and documents on
//! standard output: all by one thread, so that a slow reader slows the run down
//! and blocks none of its workers.

use super::output::{Printer, TooMany};
use super::print;
use super::progress::Progress;
use super::rejections::Rejections;
use futures_util::future::BoxFuture;
use rowcast::run::{Event, Observe, OutputError};
use std::io::Stdout;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Messages that wait for the thread; more let their senders wait.
const WAITING: usize = 64;

/// Prints documents of a run that has no table.
pub type Documents = Printer<Stdout>;

#[expect(clippy::large_enum_variant, reason = "nearly all of them are events")]
enum Message {
    Event(Event),
    Say(String),
    Finish(oneshot::Sender<Result<(), OutputError>>),
}

/// The thread's letter box.
pub struct Outputs {
    messages: mpsc::Sender<Message>,
    failed: Arc<Mutex<Option<OutputError>>>,
}

impl Outputs {
    /// Starts the thread. It ends when it was told to finish, or failed.
    pub fn start(
        progress: Progress,
        rejections: Rejections,
        documents: Option<Documents>,
    ) -> std::io::Result<Self> {
        let (messages, mut inbox) = mpsc::channel(WAITING);
        let failed: Arc<Mutex<Option<OutputError>>> = Arc::default();
        let writer = Writer {
            progress,
            rejections,
            documents,
        };
        let told = Arc::clone(&failed);
        thread::Builder::new()
            .name("rowcast-output".to_owned())
            .spawn(move || {
                if let Err(error) = writer.run(&mut inbox) {
                    *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
                // Only now: whoever finds the box closed asks why.
                drop(inbox);
            })?;
        Ok(Self { messages, failed })
    }

    /// Tells people something, unless nobody reads what they were told before.
    pub fn say(&self, line: &str) {
        let _ = self.messages.try_send(Message::Say(line.to_owned()));
    }

    async fn send(&self, message: Message) -> Result<(), OutputError> {
        match self.messages.send(message).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.failure()),
        }
    }

    /// Why the thread takes nothing more. The first who asks is told.
    fn failure(&self) -> OutputError {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.take().unwrap_or(OutputError::NobodyReads)
    }
}

impl Observe for Outputs {
    fn event(&self, event: Event) -> BoxFuture<'_, Result<(), OutputError>> {
        Box::pin(async move {
            if let Event::Progress(_) | Event::Waiting { .. } = event {
                // The next one says more: none needs to be waited for.
                let _ = self.messages.try_send(Message::Event(event));
                return Ok(());
            }
            self.send(Message::Event(event)).await
        })
    }

    fn finish(&self) -> BoxFuture<'_, Result<(), OutputError>> {
        Box::pin(async move {
            let (reply, replied) = oneshot::channel();
            self.send(Message::Finish(reply)).await?;
            replied.await.unwrap_or_else(|_| Err(self.failure()))
        })
    }
}

struct Writer {
    progress: Progress,
    rejections: Rejections,
    documents: Option<Documents>,
}

impl Writer {
    fn run(mut self, inbox: &mut mpsc::Receiver<Message>) -> Result<(), OutputError> {
        while let Some(message) = inbox.blocking_recv() {
            let done = match message {
                Message::Event(Event::Progress(tally)) => {
                    self.progress.show(&tally);
                    Ok(())
                }
                Message::Event(Event::Rejected(rejection)) => {
                    self.rejections.add(&rejection, &self.progress)
                }
                Message::Event(Event::Documents(documents)) => {
                    self.print(&documents).map_err(unprinted)
                }
                Message::Event(Event::Waiting { by, until, reason }) => {
                    self.progress.wait(by, until, &reason);
                    Ok(())
                }
                Message::Event(_) => Ok(()),
                Message::Say(line) => {
                    self.progress.say(&line);
                    Ok(())
                }
                Message::Finish(reply) => {
                    self.progress.finish();
                    self.rejections.finish(&self.progress);
                    let printed = self.documents.map_or(Ok(()), Printer::finish);
                    let _ = reply.send(printed.map_err(unprinted));
                    return Ok(());
                }
            };
            if let Err(error) = done {
                self.progress.finish();
                return Err(error);
            }
        }
        self.progress.finish();
        Ok(())
    }

    fn print(&mut self, documents: &[String]) -> anyhow::Result<()> {
        let Some(printer) = &mut self.documents else {
            return Ok(());
        };
        for document in documents {
            printer.print(document)?;
        }
        printer.flush()
    }
}

/// How long what was told last may take to get through to people who are
/// about to be left.
pub const LAST_WORDS: Duration = Duration::from_millis(200);

fn unprinted(error: anyhow::Error) -> OutputError {
    if print::nobody_reads(&error) {
        return OutputError::NobodyReads;
    }
    if error.is::<TooMany>() {
        let (reason, hint) = (error.to_string(), TooMany::hint(""));
        return OutputError::TooMuch { reason, hint };
    }
    let act = "write documents to standard output".to_owned();
    let source = error
        .downcast::<std::io::Error>()
        .unwrap_or_else(|error| std::io::Error::other(format!("{error:#}")));
    OutputError::Write { act, source }
}
