//! The three services of the example that comes with websocket-multiplex: each says something, and two answer.

/// An example whose services stand in for the channels of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Example {
    /// The topics `ann`, `bob` and `carl` are services, as in the example of websocket-multiplex.
    AnnBobCarl,
}

/// One service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    topic: &'static str,
    greeting: &'static str,
    answer: &'static str,
    /// It ends the subscription as soon as it has greeted.
    pub(super) ends: bool,
}

const SERVICES: [Service; 3] = [
    Service { topic: "ann", greeting: "Ann says hi!", answer: "Ann nods: ", ends: false },
    Service { topic: "bob", greeting: "Bob doesn't agree.", answer: "Bob says no to: ", ends: false },
    Service { topic: "carl", greeting: "Carl says goodbye!", answer: "", ends: true },
];

impl Example {
    /// The service of that topic.
    pub(super) fn service(self, topic: &str) -> Option<Service> {
        let Self::AnnBobCarl = self;
        SERVICES.into_iter().find(|service| service.topic == topic)
    }
}

impl Service {
    /// What it says to a new subscriber.
    pub(super) fn greet(self) -> Vec<String> {
        let Self { topic, greeting, ends, .. } = self;
        let end = ends.then(|| format!("uns,{topic}"));
        [format!("msg,{topic},{greeting}")].into_iter().chain(end).collect()
    }

    /// What it says to a payload.
    pub(super) fn answer(self, payload: &[u8]) -> String {
        format!("msg,{},{}{}", self.topic, self.answer, String::from_utf8_lossy(payload))
    }
}
