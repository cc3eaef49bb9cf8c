//! A chat server: one thread that hears everything by one channel, and tells it to all
//! others by theirs. The guests answer what they hear.

use super::{sync, thread};
use sync::mpsc::{Receiver, Sender, channel};

pub(crate) const PRINTS: &str = "\
Ada: hello, Alan
Alan: hello, Ada. Is Grace here?
Grace: I am
Ada: good bye
everybody has heard the same
";

enum Event {
    Comes(Sender<String>),
    Says(&'static str, &'static str),
}

fn server(events: &Receiver<Event>) -> Vec<String> {
    let (mut guests, mut said): (Vec<Sender<String>>, _) = (Vec::new(), Vec::new());
    for event in events {
        match event {
            Event::Comes(guest) => guests.push(guest),
            Event::Says(name, text) => {
                let line = format!("{name}: {text}");
                for guest in &guests {
                    guest.send(line.clone()).unwrap();
                }
                said.push(line);
            }
        }
    }
    said
}

/// What a guest says to what it hears.
fn answer(name: &str, heard: &str) -> Option<&'static str> {
    match (name, heard) {
        ("Alan", "Ada: hello, Alan") => Some("hello, Ada. Is Grace here?"),
        ("Grace", "Alan: hello, Ada. Is Grace here?") => Some("I am"),
        ("Ada", "Grace: I am") => Some("good bye"),
        _ => None,
    }
}

fn guest(name: &'static str, hears: Receiver<String>, server: Sender<Event>) -> Vec<String> {
    let mut heard = Vec::new();
    for line in hears {
        if let Some(text) = answer(name, &line) {
            server.send(Event::Says(name, text)).unwrap();
        }
        let is_last = line.ends_with("good bye");
        heard.push(line);
        if is_last {
            break;
        }
    }
    heard // and leaves
}

pub(crate) fn run() -> String {
    let (to_server, events) = channel();
    let come = |name| {
        let (ear, hears) = channel();
        let server = to_server.clone();
        server.send(Event::Comes(ear)).unwrap();
        thread::spawn(move || guest(name, hears, server))
    };
    let guests: Vec<_> = ["Ada", "Alan", "Grace"].into_iter().map(come).collect();
    to_server.send(Event::Says("Ada", "hello, Alan")).unwrap();
    drop(to_server); // the server closes when all have left
    let said = thread::spawn(move || server(&events)).join().unwrap();
    for guest in guests {
        assert_eq!(guest.join().unwrap(), said);
    }
    format!("{}\neverybody has heard the same\n", said.join("\n"))
}
