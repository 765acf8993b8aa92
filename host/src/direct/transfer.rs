//! One file on its way, from the wish to the verified end.

use pocketmux_core::files::{Ended, Failure, Name, Reason, Store, StoreError, TransferId};
use tokio::time::{Duration, Instant};

use super::interrupt::Interrupt;
use super::line::{Line, News};
use super::meter::Meter;
use super::trouble::Trouble;

/// How often people are told how far it is.
const TELL_INTERVAL: Duration = Duration::from_millis(100);
/// A device that has too much to do, or does not go on, is asked again after this time, so often without anything having moved.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
const RETRIES: u32 = 10;

impl<S: Store> Line<S> {
    /// Sends a file of the store.
    pub(super) async fn send(&mut self, name: &Name, interrupt: &mut Interrupt<'_>) -> Result<(), Trouble> {
        self.carry(name, |line| line.files().offer(name), interrupt).await
    }

    /// Fetches a file into the store.
    pub(super) async fn fetch(&mut self, name: &Name, interrupt: &mut Interrupt<'_>) -> Result<(), Trouble> {
        self.carry(name, |line| line.files().get(name), interrupt).await
    }

    async fn carry(
        &mut self,
        name: &Name,
        begin: impl Fn(&mut Self) -> Result<TransferId, StoreError>,
        interrupt: &mut Interrupt<'_>,
    ) -> Result<(), Trouble> {
        let mut meter = Meter::new(name.as_str());
        let (mut retries, mut best) = (0, 0);
        loop {
            let id = begin(self).map_err(|error| Trouble::of_store(name.as_str(), error))?;
            let ended = self.follow(id, &mut meter, interrupt).await;
            let failure = match ended {
                Ok(Ended { result: Ok(()), size, from, .. }) => {
                    meter.done(from, size);
                    return Ok(());
                }
                Ok(Ended { result: Err(failure), .. }) => failure,
                Err(trouble) => {
                    meter.stop();
                    self.pause(id).await;
                    return Err(trouble);
                }
            };
            if meter.at() > best {
                (retries, best) = (0, meter.at());
            }
            if retries == RETRIES || !may_go_on(failure) {
                meter.stop();
                return Err(Trouble::of(name.as_str(), failure));
            }
            retries += 1;
            meter.say(&format!("{}; it is tried again", failure.reason));
            let until = Instant::now() + RETRY_INTERVAL;
            while self.next(until, interrupt).await?.is_some() {}
        }
    }

    /// Waits for the end of a transfer, and shows how it goes.
    async fn follow(
        &mut self,
        id: TransferId,
        meter: &mut Meter,
        interrupt: &mut Interrupt<'_>,
    ) -> Result<Ended, Trouble> {
        loop {
            let news = self.next(Instant::now() + TELL_INTERVAL, interrupt).await?;
            if let Some(progress) = self.progress(id).filter(|progress| progress.is_moving) {
                meter.set(progress.from, progress.at, progress.size);
            }
            match news {
                Some(News::Ended(ended)) if ended.id == id => return Ok(ended),
                Some(News::Away(words)) => meter.say(&format!("{words} It is awaited.")),
                Some(News::Back | News::Up) => meter.say("The device is there again."),
                Some(News::HasFiles | News::Answer(..) | News::Ended(_)) | None => {}
            }
        }
    }
}

/// True for what passes.
fn may_go_on(failure: Failure) -> bool {
    matches!(failure.reason, Reason::Busy | Reason::Stalled)
}
