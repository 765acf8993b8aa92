//! The channels of all runs: every delivery in several classes.

use pocketmux_core::{Channel, Delivery, Priority};

/// A run opens some of them.
pub const TABLE: [Channel<'static>; 8] = [
    Channel::new("chat"),
    Channel::new("file").with_priority(Priority::Bulk),
    Channel::new("stop").with_priority(Priority::Urgent),
    Channel::new("presence").with_delivery(Delivery::Latest),
    Channel::new("typing").with_delivery(Delivery::Latest).with_priority(Priority::Urgent),
    Channel::new("telemetry").with_delivery(Delivery::Lossy),
    Channel::new("log").with_delivery(Delivery::Lossy).with_priority(Priority::Bulk),
    Channel::new("history").with_priority(Priority::Bulk),
];
