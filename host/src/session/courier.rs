//! The transfers of one device: does what the list of transfers says, and says in it how far they are.

use std::sync::Arc;

use pocketmux_core::files::{self, Ended, Failure, Files, Heard, Name, Reason};
use pocketmux_core::{ChannelId, Frame};
use tokio::sync::watch;
use tokio::time::{Duration, Instant};
use tracing::info;

use crate::depot::{Depot, FileId};
use crate::errand::{Refusal, Request};
use crate::hub::Hub;
use crate::outgoing::DeviceLink;
use crate::shelf::Shelf;
use crate::transfers::{Direction, State, Transfer};

use progress::{Left, Pace};
use questions::Questions;

mod progress;
mod questions;

/// Transfers of a device at a time; a board may take fewer, and says so.
const TRANSFERS: usize = 4;
/// Hashed between two looks at the line: 64 KiB.
const HASH_STEPS: u16 = 512;
/// How often people see how far a transfer is.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);
/// A transfer that could not begin, or stood still, is tried again after this long.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// The transfers of one device on its link.
type DeviceFiles = Files<Shelf, TRANSFERS>;

/// See the module.
pub(super) struct Courier {
    hub: Arc<Hub>,
    files: DeviceFiles,
    /// The device's channel of files, while it is open and of this protocol.
    channel: Option<ChannelId>,
    under_way: Vec<UnderWay>,
    /// What the device was told to drop, and may not have heard yet.
    told: Vec<FileId>,
    wishes: watch::Receiver<u64>,
    /// The list is to be looked through.
    is_due: bool,
    retry_at: Option<Instant>,
    progress_at: Instant,
    questions: Questions,
}

/// No more transfers at a time.
struct NoRoom;

/// A transfer under way that the host began.
struct UnderWay {
    wire: files::TransferId,
    id: FileId,
    pace: Pace,
}

impl Courier {
    /// For a device that has not said hello yet.
    pub(super) fn new(hub: Arc<Hub>, depot: Option<Depot>) -> Self {
        let shelf = Shelf::new(depot, hub.clone());
        let wishes = hub.transfers().wishes();
        Self {
            hub,
            files: Files::new(shelf, ChannelId::new(0), HASH_STEPS),
            channel: None,
            under_way: Vec::new(),
            told: Vec::new(),
            wishes,
            is_due: true,
            retry_at: None,
            progress_at: Instant::now(),
            questions: Questions::default(),
        }
    }

    /// The device called `device` has opened its channel of files, and says so much about it.
    pub(super) fn opened(&mut self, device: &str, channel: ChannelId, meta: &str) {
        self.channel = None;
        let Some(algorithm) = files::algorithm_of(meta) else { return };
        self.files.set_channel(channel);
        self.files.set_algorithm(algorithm);
        self.files.store().is_for(device);
        (self.channel, self.is_due) = (Some(channel), true);
    }

    /// A channel has ended.
    pub(super) fn closed(&mut self, channel: ChannelId) {
        if self.channel == Some(channel) {
            self.down();
        }
    }

    /// The device has started anew: it opens its channel again.
    pub(super) fn down(&mut self) {
        self.files.handle_down();
        // They are told again.
        self.told.clear();
        self.channel = None;
        self.questions.refuse(Refusal::Offline);
    }

    /// The port is gone, or nothing is heard any more; the link may go on later.
    pub(super) fn interrupted(&mut self) {
        for UnderWay { id, .. } in &self.under_way {
            self.hub.change_transfer(*id, |transfer| {
                if transfer.state == State::Running {
                    transfer.enter(State::Waiting, "The device is not there; it goes on when it is back.");
                }
            });
        }
        self.questions.refuse(Refusal::Offline);
    }

    /// Takes a frame; false if it is none of a transfer.
    pub(super) fn take(&mut self, frame: &Frame<'_>, now_us: u64) -> bool {
        if self.channel != Some(frame.channel) {
            return false;
        }
        match self.files.handle_frame(frame, now_us) {
            Heard::Plain => false,
            Heard::Taken => true,
            Heard::Answer(number) => {
                self.questions.answer(number, self.files.answer(), Instant::now());
                true
            }
        }
    }

    /// Takes a request, which is answered when the device has.
    pub(super) fn ask(&mut self, request: Request, is_up: bool) {
        if is_up {
            self.questions.ask(request);
        } else {
            request.refuse(Refusal::Offline);
        }
    }

    /// When there is something to do at the latest.
    pub(super) fn due(&self, started: Instant) -> Option<Instant> {
        // Without the channel nothing is done, however much there would be to do.
        let wire =
            self.channel.and_then(|_| self.files.poll_timeout()).map(|at_us| started + Duration::from_micros(at_us));
        let progress = self.files.transfers().next().map(|_| self.progress_at);
        [wire, progress, self.questions.due(), self.retry_at].into_iter().flatten().min()
    }

    /// Waits until somebody wants something of a transfer.
    pub(super) async fn wished(&mut self) {
        // The sender lives in the hub that is held here.
        let _ = self.wishes.changed().await;
        self.is_due = true;
    }

    /// Does what is due. With `hold`, a message that is none of a transfer waits for its turn on the channel.
    pub(super) fn work(&mut self, link: &mut DeviceLink<'_>, device: &str, hold: bool, now: Instant, now_us: u64) {
        if self.retry_at.take_if(|at| now >= *at).is_some() {
            self.is_due = true;
        }
        if self.channel.is_some() && link.is_up() {
            if std::mem::take(&mut self.is_due) {
                self.look(device, now);
            }
            self.questions.put(&mut self.files, link, now);
            if hold {
                self.files.hold();
            }
            self.files.transmit(link, now_us);
            if !self.files.is_saying(link) {
                let told = std::mem::take(&mut self.told);
                told.into_iter().for_each(|id| drop(self.hub.change_transfer(id, |transfer| transfer.drops = false)));
            }
        } else {
            self.questions.wait_for_channel(now);
        }
        while let Some(ended) = self.files.poll_event() {
            self.ended(device, &ended, now);
        }
        if now >= self.progress_at {
            self.progress_at = now + PROGRESS_INTERVAL;
            // Of a device that is not heard nothing moves, whatever is on its way.
            if !link.is_silent() {
                self.show_progress(device, now);
            }
        }
    }

    /// Begins what is wanted and not under way, and ends what is not wanted any more.
    fn look(&mut self, device: &str, now: Instant) {
        for UnderWay { wire, id, .. } in &self.under_way {
            match self.hub.transfers().get(*id).map(|transfer| transfer.state) {
                Some(State::Waiting | State::Running) => {}
                Some(State::Paused) => self.files.cancel(*wire, Reason::Paused),
                _ => self.files.cancel(*wire, Reason::Cancelled),
            }
        }
        let wanted = self.hub.transfers().of_device(device);
        for transfer in wanted.iter().filter(|transfer| transfer.is_wanted_by_host()) {
            let is_begun =
                self.under_way.iter().any(|under_way| under_way.id == transfer.id) || self.told.contains(&transfer.id);
            let is_busy = self.files.transfers().any(|other| other.name.as_str() == transfer.name);
            if is_begun || is_busy {
                continue;
            }
            match self.begin(transfer, now) {
                Ok(Some(wire)) if transfer.drops => self.files.cancel(wire, Reason::Cancelled),
                Ok(_) => {}
                Err(NoRoom) => return,
            }
        }
    }

    /// Begins a transfer; `None` for one that cannot be begun, which is said.
    fn begin(&mut self, transfer: &Transfer, now: Instant) -> Result<Option<files::TransferId>, NoRoom> {
        let fail = |hub: &Hub, words: &str| {
            hub.change_transfer(transfer.id, |transfer| transfer.give_up(words));
            Ok(None)
        };
        let Ok(name) = Name::new(&transfer.name) else { return fail(&self.hub, "No device has a file of that name.") };
        let begun = match transfer.direction {
            Direction::From => self.files.get(&name),
            Direction::To => {
                let shelf = self.files.store();
                let file = transfer.file.and_then(|file| shelf.file(file));
                let Some(file) = file else { return fail(&self.hub, "The file was removed from the host.") };
                shelf.give(name.clone(), file);
                self.files.offer(&name)
            }
        };
        match begun {
            Ok(wire) => {
                self.under_way.push(UnderWay { wire, id: transfer.id, pace: Pace::new(now) });
                Ok(Some(wire))
            }
            Err(files::StoreError::TooMany) => Err(NoRoom),
            Err(error) => fail(&self.hub, &format!("The file could not be read here: {error}.")),
        }
    }

    /// A transfer has ended, in one way or the other.
    fn ended(&mut self, device: &str, ended: &Ended, now: Instant) {
        let Ended { ref name, is_sending, result, .. } = *ended;
        if is_sending {
            self.files.store().take_back(name);
        }
        // What ended may have made room for others.
        self.is_due = true;
        let at = self.under_way.iter().position(|under_way| under_way.wire == ended.id);
        let id = match at.map(|at| self.under_way.swap_remove(at)) {
            Some(under_way) => under_way.id,
            None => match self.theirs(device, name.as_str()) {
                Some(id) => id,
                None => return,
            },
        };
        match result {
            Ok(()) => info!("{name} is {} {device}, verified.", if is_sending { "on" } else { "here from" }),
            Err(Failure { reason, .. }) => {
                info!("{name}, {} {device}: {reason}.", if is_sending { "to" } else { "from" })
            }
        }
        if !is_sending && self.hub.transfers().get(id).is_none_or(|transfer| transfer.state == State::Cancelled) {
            // Whoever cancelled it could not remove it while it was in use here.
            self.files.store().drop_part(id);
        }
        let mut left = Left::Nothing;
        self.hub.change_transfer(id, |transfer| left = transfer.end(ended, device));
        match left {
            Left::Nothing => {}
            Left::ToBeHeard => self.told.push(id),
            Left::ToBeTried => {
                self.is_due = false;
                self.retry_at = Some(now + RETRY_INTERVAL);
            }
        }
    }

    /// The transfer that the device began by offering a file of that name.
    fn theirs(&self, device: &str, name: &str) -> Option<FileId> {
        let is_it = |transfer: &Transfer| transfer.direction == Direction::From && transfer.name == name;
        self.hub.transfers().of_device(device).into_iter().find(is_it).map(|transfer| transfer.id)
    }

    /// Makes known how far transfers are.
    fn show_progress(&mut self, device: &str, now: Instant) {
        let Self { files, under_way, hub, .. } = self;
        for progress in files.transfers() {
            let known = under_way.iter_mut().find(|under_way| under_way.wire == progress.id);
            let (id, rate) = match known {
                Some(UnderWay { id, pace, .. }) => (*id, pace.at(&progress, now)),
                None => {
                    let is_it = |transfer: &Transfer| transfer.is_theirs && transfer.name == progress.name.as_str();
                    let Some(transfer) = hub.transfers().of_device(device).into_iter().find(is_it) else { continue };
                    (transfer.id, 0)
                }
            };
            hub.change_transfer(id, |transfer| transfer.go_on(&progress, rate));
        }
    }
}
