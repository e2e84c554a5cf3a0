//! nginx(8): TERM is a fast shutdown, QUIT a graceful one; its master then exits with 0.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
};

use initlab::{Place, Sandbox, TempDir, find_program, require_program, require_root};

use super::{
    page::Row,
    service::{Service, http, major_version},
};

pub const TERM: Row = Row {
    program: "nginx",
    options: "",
    command: "nginx -c nginx.conf -g 'daemon off;'",
    signal: "TERM",
    story: "a download that was under way is cut short",
    status: 0,
    seconds: 1,
};

pub const QUIT: Row = Row {
    options: "-r TERM:QUIT",
    story: "no new connections; a download that was under way completes",
    seconds: 3,
    ..TERM
};

const PORT: u16 = 80;

/// More than the socket buffers of both sides hold, so that a client that does not read keeps the
/// transfer going.
const DOWNLOAD: u64 = 64 << 20;

#[test]
fn nginx_cuts_a_download_short_on_term() {
    require_root!();
    require_program!("nginx");
    let site = Site::new();
    TERM.play(&version(), |place| {
        let mut service = Service::start(site.nginx(&TERM, place), |network| http(network, PORT));
        let download = Download::start(&service);
        service.tell(libc::SIGTERM);
        let outcome = service.end();
        let got = download.finish();
        assert!(got < DOWNLOAD, "all of the download has arrived\n{outcome}");
        outcome
    });
}

#[test]
fn nginx_completes_a_download_when_term_becomes_quit() {
    require_root!();
    require_program!("nginx");
    let site = Site::new();
    QUIT.play(&version(), |place| {
        let mut service = Service::start(site.nginx(&QUIT, place), |network| http(network, PORT));
        let download = Download::start(&service);
        service.tell(libc::SIGTERM);
        service.poll_until("new clients are refused", || service.refuses(PORT));
        let got = download.finish();
        let outcome = service.end();
        assert_eq!(got, DOWNLOAD, "the download is not all there\n{outcome}");
        outcome
    });
}

/// A client that has read a little of its download.
struct Download(TcpStream, Vec<u8>);

impl Download {
    #[track_caller]
    fn start(service: &Service) -> Self {
        let mut stream = service.connect(PORT);
        let mut answer = vec![0; 512];
        let request = b"GET /download HTTP/1.0\r\nHost: localhost\r\n\r\n";
        let started = stream.write_all(request);
        let started = started.and_then(|()| stream.read_exact(&mut answer));
        started.expect("nginx answers");
        Self(stream, answer)
    }

    /// Reads the rest, and returns the length of the whole body.
    fn finish(self) -> u64 {
        let Self(mut stream, mut answer) = self;
        // A connection that is cut off may be reset.
        let _ = stream.read_to_end(&mut answer);
        let header = answer.windows(4).position(|part| part == b"\r\n\r\n");
        (answer.len() - header.expect("a header comes first") - 4) as u64
    }
}

fn version() -> String {
    major_version(find_program("nginx").expect("it is installed"), "-v")
}

/// A configuration, and what is to be served.
struct Site(TempDir);

impl Site {
    fn new() -> Self {
        let directory = TempDir::new();
        let path = directory.path().display();
        let configuration = format!(
            "worker_processes 2;
            error_log stderr;
            pid {path}/nginx.pid;
            events {{}}
            http {{
                access_log off;
                server {{ listen 127.0.0.1:{PORT}; root {path}; }}
            }}"
        );
        fs::write(directory.join("nginx.conf"), configuration).expect("the directory is ours");
        fs::write(directory.join("index.html"), "hello").expect("the directory is ours");
        let download = fs::File::create(directory.join("download"));
        let sized = download.and_then(|file| file.set_len(DOWNLOAD));
        sized.expect("the directory is ours");
        Self(directory)
    }

    fn nginx(&self, row: &Row, place: Place) -> Sandbox {
        let program = find_program("nginx").expect("it is installed");
        row.init(place)
            .arg(program)
            .arg("-c")
            .arg(self.0.join("nginx.conf"))
            .args(["-g", "daemon off;"])
            .tmpfs("/var/lib/nginx")
            .tmpfs("/var/log/nginx")
    }
}
