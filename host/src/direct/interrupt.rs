//! The wish that a job end now.

use std::pin::Pin;

/// Hears when the job is to end; once it is, it stays so.
pub(crate) struct Interrupt<'f> {
    wish: Pin<Box<dyn Future<Output = ()> + 'f>>,
    is_wanted: bool,
}

impl<'f> Interrupt<'f> {
    pub(crate) fn new(wish: impl Future<Output = ()> + 'f) -> Self {
        Self { wish: Box::pin(wish), is_wanted: false }
    }

    /// Waits for it. Nothing is lost when the future is dropped.
    pub(crate) async fn wanted(&mut self) {
        if !self.is_wanted {
            self.wish.as_mut().await;
            self.is_wanted = true;
        }
    }
}
