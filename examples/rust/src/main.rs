use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

const ADDRESS: (&str, u16) = ("0.0.0.0", 8080);

fn main() -> std::io::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("--check") {
        exit(if healthy() { 0 } else { 1 });
    }
    let listener = TcpListener::bind(ADDRESS)?;
    let mut signals = Signals::new([SIGTERM])?;
    let stopping = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stopping);
    thread::spawn(move || {
        signals.forever().next();
        told.store(true, Ordering::SeqCst);
        // `incoming` waits for a client, so this connection wakes it up.
        let _ = TcpStream::connect(("127.0.0.1", ADDRESS.1));
    });

    let mut requests: Vec<JoinHandle<_>> = Vec::new();
    for stream in listener.incoming() {
        if stopping.load(Ordering::SeqCst) {
            break;
        }
        requests.retain(|request| !request.is_finished());
        let stream = stream?;
        requests.push(thread::spawn(move || answer(stream)));
    }
    // Refuses new clients, and answers the requests in flight.
    drop(listener);
    for request in requests {
        let _ = request.join();
    }
    Ok(())
}

fn answer(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 && !line.trim().is_empty() {
        line.clear();
    }
    let body = "hello from Rust\n";
    write!(
        reader.get_mut(),
        "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn healthy() -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", ADDRESS.1))?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut status = String::new();
        BufReader::new(stream).read_line(&mut status)?;
        Ok::<_, std::io::Error>(status)
    };
    ask().is_ok_and(|status| status.contains(" 200 "))
}
