//! The word that the host stops, for every task that has to hear it.

use tokio::sync::watch;

/// Hears when the host stops. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// The one who says it, and those who hear it.
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (says, hears) = watch::channel(false);
        (says, Self(hears))
    }

    /// Waits until the host stops, or is gone. Nothing is lost when the future is dropped.
    pub(crate) async fn wanted(&mut self) {
        let _ = self.0.wait_for(|is_wanted| *is_wanted).await;
    }
}
