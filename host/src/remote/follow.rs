//! A transfer of the host, watched until its end.

use serde::Deserialize;
use serde_json::json;
use tokio::time::{Duration, Instant, sleep, timeout_at};

use super::{DEVICE_PATIENCE, LOOK_INTERVAL, Session, deadline};
use crate::direct::{Exit, Meter, Trouble};

/// Longer than the host takes to say that nothing has changed.
const CHANGE_PATIENCE: Duration = Duration::from_secs(15);

/// A transfer, as the host tells it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Transfer {
    pub(super) id: String,
    pub(super) device: String,
    pub(super) direction: String,
    pub(super) name: String,
    pub(super) file: Option<String>,
    size: Option<u32>,
    at: u32,
    from: u32,
    pub(super) state: String,
    detail: String,
    /// It has failed because the device did not take it, or did not give it.
    #[serde(default)]
    refused: bool,
    digest: Option<String>,
    revision: u64,
}

impl Transfer {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state.as_str(), "waiting" | "running" | "paused")
    }

    /// The SHA-256 of the whole, in hexadecimal digits, where it is known.
    pub(super) fn sha256(&self) -> Option<&str> {
        self.digest.as_deref()?.strip_prefix("sha-256:")
    }
}

impl Session {
    /// The transfers of this device.
    pub(super) async fn transfers(&self) -> Result<Vec<Transfer>, Trouble> {
        let all: Vec<Transfer> = self.api.get("/api/transfers").await?;
        Ok(all.into_iter().filter(|transfer| transfer.device == self.device).collect())
    }

    /// One transfer.
    pub(super) async fn transfer(&self, id: &str) -> Result<Transfer, Trouble> {
        self.api.get(&format!("/api/transfers/{id}")).await
    }

    /// Lets a transfer go on that was paused.
    pub(super) async fn resume(&self, transfer: &Transfer) -> Result<(), Trouble> {
        if transfer.state != "paused" {
            return Ok(());
        }
        self.api.patch(&format!("/api/transfers/{}", transfer.id), &json!({ "state": "running" })).await
    }

    /// Waits for the end of a transfer, and shows how it goes.
    pub(super) async fn follow(&self, id: &str, meter: &mut Meter) -> Result<Transfer, Trouble> {
        *self.followed.borrow_mut() = Some(id.to_owned());
        let watched = self.watch(id, meter).await;
        self.followed.take();
        if watched.is_err() {
            meter.stop();
        }
        watched
    }

    async fn watch(&self, id: &str, meter: &mut Meter) -> Result<Transfer, Trouble> {
        let (mut revision, mut has_run) = (0, false);
        // One that never was there is said so; one that goes away is waited for.
        let mut until = deadline(Some(DEVICE_PATIENCE));
        loop {
            let asked = self.change(id, revision, until);
            let transfer = match until {
                Some(at) => match timeout_at(at, asked).await {
                    Ok(transfer) => transfer?,
                    Err(_elapsed) => {
                        until = self.patience_with_others().await?;
                        continue;
                    }
                },
                None => asked.await?,
            };
            revision = transfer.revision;
            match transfer.state.as_str() {
                "done" => {
                    meter.done(transfer.from, transfer.size.unwrap_or_default());
                    return Ok(transfer);
                }
                "failed" if transfer.refused => {
                    return Err(Trouble::new(Exit::Refused, format!("{}: {}", transfer.name, transfer.detail)));
                }
                "failed" | "cancelled" | "paused" => {
                    let words = format!("{}: it is {}. {}", transfer.name, transfer.state, transfer.detail);
                    return Err(Trouble::failed(words.trim_end()));
                }
                "running" => {
                    has_run = true;
                    meter.set(transfer.from, transfer.at, transfer.size.unwrap_or_default());
                    until = None;
                }
                _ => {
                    if !transfer.detail.is_empty() {
                        meter.say(&transfer.detail);
                    }
                    if std::mem::take(&mut has_run) {
                        until = deadline(self.through.timeout);
                    }
                }
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                until = self.patience_with_others().await?;
            }
        }
    }

    /// Until when a transfer is waited for that has not begun in time: for as long as others of the device go before it.
    async fn patience_with_others(&self) -> Result<Option<Instant>, Trouble> {
        if self.transfers().await?.iter().any(|transfer| transfer.state == "running") {
            return Ok(deadline(Some(DEVICE_PATIENCE)));
        }
        Err(self.absent())
    }

    /// The transfer once it has changed, or how it is when that takes long. A host that is away, or mute, is waited for until then, or else for
    /// as long as a device is.
    async fn change(&self, id: &str, revision: u64, until: Option<Instant>) -> Result<Transfer, Trouble> {
        let path = format!("/api/transfers/{id}?after={revision}");
        let until = until.or_else(|| deadline(self.through.timeout));
        // Before a host counts as mute it is asked what it has an answer to.
        let changing = self.api.within(self.through.within(CHANGE_PATIENCE));
        loop {
            let changed = match changing.get(&path).await {
                Err(trouble) if trouble.is_absence() => self.transfer(id).await,
                changed => changed,
            };
            match changed {
                Err(trouble) if trouble.is_absence() && until.is_none_or(|until| Instant::now() < until) => {
                    sleep(LOOK_INTERVAL).await;
                }
                changed => return changed,
            }
        }
    }

    fn absent(&self) -> Trouble {
        let words =
            format!("{} is not there, or does not begin. The host goes on with it as soon as it can.", self.device);
        Trouble::new(Exit::Absent, words)
    }
}

#[cfg(test)]
mod tests {
    use super::Transfer;

    #[test]
    fn whether_a_device_refused_is_what_the_host_says_and_not_how_it_says_it() {
        let known = r#"{"id":"1","device":"d","direction":"to","name":"n","file":null,"size":null,"at":0,"from":0,"state":"failed",
            "detail":"d refused: no.","digest":null,"rate":0,"revision":1"#;
        for (more, refused) in [("}", false), (r#","refused":true}"#, true)] {
            let transfer: Transfer = serde_json::from_str(&format!("{known}{more}")).unwrap();
            assert_eq!(transfer.refused, refused);
        }
    }
}
