//! How each HTTP transport writes a frame.

use crate::sockjs::message::Message;
use crate::sockjs::reply;

/// The function of a page that a frame is given to, by scripts. It is only letters, digits, `-`, `_` and `.`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Callback(String);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrap {
    Xhr,
    XhrStreaming,
    EventSource,
    HtmlFile(Callback),
    Jsonp(Callback),
}

const CALLBACK_MAX: usize = 64;
/// Some browsers show a script nothing of an answer before they have so much of it.
const XHR_PRELUDE: usize = 2048;
/// Some browsers run no script of a page before they have so much of it.
const PAGE_PRELUDE: usize = 1024;

impl Callback {
    pub(crate) fn of(name: &str) -> Option<Self> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let is_valid = (1..=CALLBACK_MAX).contains(&name.len()) && name.bytes().all(is_part);
        is_valid.then(|| Self(name.to_owned()))
    }
}

impl Wrap {
    pub(crate) fn content_type(&self) -> &'static str {
        match self {
            Self::Xhr | Self::XhrStreaming | Self::Jsonp(_) => reply::SCRIPT,
            Self::EventSource => "text/event-stream",
            Self::HtmlFile(_) => reply::PAGE,
        }
    }

    /// What comes before the first frame.
    pub(crate) fn prelude(&self) -> Option<String> {
        match self {
            Self::Xhr | Self::Jsonp(_) => None,
            Self::XhrStreaming => Some("h".repeat(XHR_PRELUDE) + "\n"),
            Self::EventSource => Some("\r\n".to_owned()),
            Self::HtmlFile(Callback(callback)) => Some(format!("{:PAGE_PRELUDE$}\r\n\r\n", page(callback))),
        }
    }

    pub(crate) fn frame(&self, frame: &str) -> String {
        match self {
            Self::Xhr | Self::XhrStreaming => format!("{frame}\n"),
            // Clients take `%` for the beginning of a character. Line ends and NUL, which would need the same, are escaped in frames.
            Self::EventSource => format!("data: {}\r\n\r\n", frame.replace('%', "%25")),
            Self::HtmlFile(_) => format!("<script>\np({});\n</script>\r\n", script_string(frame)),
            // The comment keeps the answer from being taken for a Flash file.
            Self::Jsonp(Callback(callback)) => format!("/**/{callback}({});\r\n", script_string(frame)),
        }
    }
}

/// As a string of a script; a message that ends the script's element stays a message.
fn script_string(frame: &str) -> String {
    let mut quoted = String::new();
    Message::from(frame).quote(&mut quoted);
    quoted.replace('<', "\\u003c")
}

fn page(callback: &str) -> String {
    format!(
        "<!doctype html>\n\
         <html><head>\n  \
           <meta http-equiv=\"X-UA-Compatible\" content=\"IE=edge\" />\n  \
           <meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\" />\n\
         </head><body><h2>Don't panic!</h2>\n  \
           <script>\n    \
             document.domain = document.domain;\n    \
             var c = parent.{callback};\n    \
             c.start();\n    \
             function p(d) {{c.message(d);}};\n    \
             window.onload = function() {{c.stop();}};\n  \
           </script>"
    )
}

#[cfg(test)]
mod tests {
    use super::{Callback, PAGE_PRELUDE, Wrap};

    fn callback() -> Callback {
        Callback::of("_jp.back-1").unwrap()
    }

    #[test]
    fn a_frame_is_written_as_each_transport_has_it() {
        for (wrap, text) in [
            (Wrap::Xhr, "a[\"50%\"]\n"),
            (Wrap::XhrStreaming, "a[\"50%\"]\n"),
            (Wrap::EventSource, "data: a[\"50%25\"]\r\n\r\n"),
            (Wrap::HtmlFile(callback()), "<script>\np(\"a[\\\"50%\\\"]\");\n</script>\r\n"),
            (Wrap::Jsonp(callback()), "/**/_jp.back-1(\"a[\\\"50%\\\"]\");\r\n"),
        ] {
            assert_eq!(wrap.frame("a[\"50%\"]"), text);
        }
    }

    #[test]
    fn a_message_cannot_end_the_script_that_it_is_in() {
        let wrapped = Wrap::HtmlFile(callback()).frame("a[\"</script><script>alert(1)\"]");
        assert_eq!(wrapped.matches('<').count(), 2, "{wrapped}");
    }

    #[test]
    fn preludes_are_long_enough_for_old_browsers() {
        assert!(Wrap::HtmlFile(callback()).prelude().unwrap().len() > PAGE_PRELUDE);
        assert!(Wrap::HtmlFile(callback()).prelude().unwrap().trim_end().ends_with("  </script>"));
        assert_eq!(Wrap::XhrStreaming.prelude().unwrap().len(), 2049);
    }

    #[test]
    fn a_callback_is_a_name_and_no_script() {
        for name in ["", " ", "*", "abc(", "a;b", "a\"", "ä", &"a".repeat(65)] {
            assert_eq!(Callback::of(name), None, "{name}");
        }
    }
}
