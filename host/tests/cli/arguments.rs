//! What the command line takes, and what it says of the rest.

use std::net::TcpListener;

use crate::running::{Running, frame_on, run};

#[test]
fn help_has_examples_and_a_wrong_argument_says_what_is_wrong() {
    let (code, help, _) = run(&["--help"]);
    assert_eq!(code, Some(0));
    for words in ["Examples:", "pocketmux --port /dev/ttyACM0", "unix:", "rfc2217://", "--allow-origin", "ports"] {
        assert!(help.contains(words), "{words}: {help}");
    }
    for (args, words) in [
        (vec!["--baud", "fast"], "invalid digit"),
        (vec!["--listen", "8765"], "write an address and a port"),
        (vec!["--port", "demo", "ports"], "takes no options"),
        (vec!["--port", ""], "a path is missing"),
        (vec!["--port", "rfc2217://"], "HOST:PORT is expected"),
        (
            vec!["--port", "TCP://pi:2000"],
            "no such kind of port; write a path such as /dev/ttyACM0, unix:PATH, tcp://HOST:PORT",
        ),
        (vec!["--port", "pipe:/tmp/uart"], "rfc2217://HOST:PORT, or demo"),
        (vec!["--allow-origin", "pages.example"], "a scheme and a host"),
        (vec!["sirve"], "unrecognized subcommand"),
        (vec!["--port", "demo", "--port", "demo"], "named twice"),
    ] {
        let (code, _, said) = run(&args);
        assert!(code == Some(2) && said.contains(words), "{args:?}: {code:?} {said}");
    }
}

#[test]
fn ports_lists_devices_or_says_that_there_are_none() {
    let (code, list, _) = run(&["ports"]);
    assert_eq!(code, Some(0));
    assert!(
        list.starts_with("PORT ") && list.contains("VID:PID") || list == "No serial device is attached.\n",
        "{list}"
    );
}

#[tokio::test]
async fn a_name_to_listen_on_and_options_before_the_command_work() {
    let host = Running::start("forms", &["--port", "demo", "serve", "--listen", "localhost:0"]);
    assert!(host.address.starts_with("http://localhost:"), "{}", host.address);
    let mut client = host.connect("").await;
    assert_eq!(frame_on(&mut client, "presence").await["data"], "online");
}

#[test]
fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, _, said) = run(&["--port", "demo", "--listen", &address]);
    assert_eq!(code, Some(1));
    assert!(said.contains(&format!("{address} is in use")) && said.contains("with --listen"), "{said}");
    let (code, _, said) = run(&["--port", "demo", "--listen", "127.0.0.1:0", "--chat-listen", &address]);
    assert_eq!(code, Some(1));
    assert!(said.contains(&format!("{address} is in use")) && said.contains("with --chat-listen"), "{said}");
}
