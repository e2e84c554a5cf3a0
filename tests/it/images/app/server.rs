//! An HTTP server as one puts it on `scratch`: one static file, without a shell beside it.
//!
//! `server` answers on port 8080. On TERM it takes no more connections, finishes those it has, and
//! exits with 0. `server --check` asks it for `/`, and succeeds where the answer is 200.
//!
//! | path | answer |
//! | --- | --- |
//! | `/` | `hello` |
//! | `/status` | `/proc/self/status` |
//! | `/write/PATH` | `written`, or why `/PATH` cannot be created |
//! | `/fail` | 500, and so is every answer from then on |
//! | `/exit/N` | none: the server exits with N |

use std::{
    env,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::fd::AsRawFd,
    process::{ExitCode, exit},
    sync::atomic::{AtomicBool, AtomicI32, Ordering},
    thread,
    time::Duration,
};

const PORT: u16 = 8080;
const LIMIT: Duration = Duration::from_secs(20);
const SIGTERM: i32 = 15;
const SHUT_RD: i32 = 0;

static LISTENER: AtomicI32 = AtomicI32::new(-1);
static FAILING: AtomicBool = AtomicBool::new(false);

unsafe extern "C" {
    fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
    fn shutdown(socket: i32, how: i32) -> i32;
}

/// Has accept(2) fail from now on.
extern "C" fn stop(_: i32) {
    // SAFETY: shutdown(2) is async-signal-safe, and takes any number.
    unsafe { shutdown(LISTENER.load(Ordering::Relaxed), SHUT_RD) };
}

fn main() -> ExitCode {
    let done = match env::args().nth(1).as_deref() {
        None => serve(),
        Some("--check") => check(),
        Some(other) => Err(io::Error::other(format!("unknown argument: {other}"))),
    };
    if let Err(error) = done {
        eprintln!("server: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn serve() -> io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", PORT))?;
    LISTENER.store(listener.as_raw_fd(), Ordering::Relaxed);
    // SAFETY: the handler does nothing that a handler may not.
    unsafe { signal(SIGTERM, stop) };
    println!("listening");
    // Leaving the scope waits for the answers that are under way.
    thread::scope(|scope| {
        while let Ok((stream, _)) = listener.accept() {
            scope.spawn(move || {
                if let Err(error) = answer(stream) {
                    eprintln!("server: {error}");
                }
            });
        }
        eprintln!("stopping");
    });
    println!("stopped");
    Ok(())
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(LIMIT))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let path = request.split(' ').nth(1).unwrap_or_default();
    println!("{request}");
    let body = match path.split_once('/').map(|(_, path)| path) {
        Some("status") => fs::read_to_string("/proc/self/status")?,
        Some("fail") => {
            FAILING.store(true, Ordering::Relaxed);
            "failing\n".to_owned()
        }
        Some(path) => match path.split_once('/') {
            Some(("write", path)) => match File::create(format!("/{path}")) {
                Ok(_) => "written".to_owned(),
                Err(error) => error.to_string(),
            },
            Some(("exit", status)) => exit(status.parse().unwrap_or(1)),
            _ => "hello".to_owned(),
        },
        None => "hello".to_owned(),
    };
    let failing = FAILING.load(Ordering::Relaxed);
    let status = if failing {
        "500 Internal Server Error"
    } else {
        "200 OK"
    };
    write!(stream, "HTTP/1.0 {status}\r\n\r\n{body}")
}

fn check() -> io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", PORT))?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.starts_with("HTTP/1.0 200 ") {
        true => Ok(()),
        false => Err(io::Error::other(answer)),
    }
}
