//! A container with an HTTP server.

use std::{
    io::{self, Read, Write},
    time::{Duration, Instant},
};

use initlab::Network;

use super::{
    container::docker::Container,
    service::{connect, http, http_get, refuses},
};

/// The port that the servers of all images answer on.
pub const PORT: u16 = 8080;

/// A container, from the moment that its server answers.
pub struct Server {
    /// The container.
    pub container: Container,
    /// The network that it is in.
    pub network: Network,
}

impl Server {
    /// `docker run` of this image with these options and this command.
    #[track_caller]
    pub fn run(image: &str, options: &[&str], command: &[&str]) -> Self {
        let mut container = Container::of(image, options, command, |client| client);
        let mut network = None;
        let mut ended = false;
        let answers = || {
            ended = container.client.try_status().is_some();
            let state = container.state();
            if state.as_deref() == Some("running") && network.is_none() {
                network = Network::of(container.init()).ok();
            }
            let answer = network.as_ref().map(|network| http(network, PORT));
            ended || matches!(answer, Some(Ok(true)))
        };
        let answered = initlab::try_poll_until(initlab::timeout(), answers);
        match network {
            Some(network) if answered && !ended => Self { container, network },
            _ => panic!("{}", container.client.failure("it does not answer")),
        }
    }

    /// The body of what it answers to a request for this path. Panics where it does not.
    #[track_caller]
    pub fn get(&self, path: &str) -> String {
        let failure = |error: io::Error| self.container.client.failure(&error.to_string());
        self.try_get(path)
            .unwrap_or_else(|e| panic!("{}", failure(e)))
    }

    /// As [`get`](Self::get), with an error where there is no answer.
    pub fn try_get(&self, path: &str) -> io::Result<String> {
        http_get(&self.network, PORT, path)
    }

    /// Sends TERM, and goes on with requests until there is no answer: when the last one came, from
    /// the signal. The container then ends with 0.
    #[track_caller]
    pub fn stop_and_ask_on(mut self) -> Duration {
        let begin = Instant::now();
        let mut last = Duration::ZERO;
        self.container.kill("TERM");
        self.container.client.poll_until("it answers no more", || {
            let answer = self.try_get("/");
            if answer.is_ok() {
                last = begin.elapsed();
            }
            answer.is_err()
        });
        self.container.end(0);
        last
    }

    /// Sends TERM while a request is under way: it has to be answered. The container then ends
    /// with 0.
    #[track_caller]
    pub fn stop_gracefully(mut self) {
        let mut request = connect(&self.network, PORT).expect("it has answered before");
        let begin = b"GET / HTTP/1.0\r\nHost: localhost\r\n";
        request.write_all(begin).expect("it is connected");
        // Connections are taken in turn: that the next one is answered means that this one has
        // been taken. What only the kernel knows of would be reset.
        self.get("/");
        let init = self.container.init();
        let processes = init.descendants().len();
        self.container.kill("TERM");
        let acted = || refuses(&self.network, PORT) || init.descendants().len() < processes;
        let what = "it takes no new clients, or its idle processes end";
        self.container.client.poll_until(what, acted);
        request.write_all(b"\r\n").expect("it is connected");
        let mut answer = String::new();
        let read = request.read_to_string(&mut answer);
        let whole = read.is_ok() && answer.contains(" 200 ");
        let failure = || {
            self.container
                .client
                .failure(&format!("{read:?}: {answer}"))
        };
        assert!(whole, "{}", failure());
        self.container.end(0);
    }
}
