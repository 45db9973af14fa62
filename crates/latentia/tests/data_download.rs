//! Fetching data sets, from a server on this machine.
#![cfg(feature = "download")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    thread,
};

use latentia::{
    data::catalogue::{File, fetch},
    run::{Cancel, Progress},
};

const NAME: &str = "three.csv";
const CONTENT: &[u8] = b"a,b\n1,2\n3,4\n5,6\n";
const SHA256: &str = "e036f888b40d68362dfa1b02ca021e81d13d957874bba3bfd8fdf14c02bbaba7";

/// A server that gives one answer to whoever asks; the paths it was asked for come back from the thread.
fn serve(answer: Vec<u8>) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/sets", listener.local_addr().unwrap());
    let asked = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        lines.find(|line| line.as_ref().is_ok_and(String::is_empty));
        // A client that has heard enough may hang up.
        let _ = stream.write_all(&answer);
        first
    });
    (address, asked)
}

fn answer(status: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n").into_bytes();
    bytes.extend(body);
    bytes
}

/// Counts what it is told.
#[derive(Default)]
struct Told {
    total: u64,
    done: u64,
    ended: bool,
}

impl Progress for &mut Told {
    fn begin(&mut self, _: &str, total: u64) {
        self.total = total;
    }
    fn advance(&mut self, done: u64, _: &str) {
        self.done = done;
    }
    fn end(&mut self) {
        self.ended = true;
    }
}

fn fetch_from(address: &str, folder: &Path, told: &mut Told) -> Result<std::path::PathBuf, String> {
    let file = File { name: NAME, sha256: SHA256 };
    fetch(&file, address, folder, &mut &mut *told, &Cancel::default()).map_err(|e| e.to_string())
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_file_arrives_whole_and_progress_is_told() {
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("new").join("set");
    let (address, asked) = serve(answer("200 OK", CONTENT.len(), CONTENT));
    let mut told = Told::default();
    let path = fetch_from(&address, &folder, &mut told).unwrap();
    assert_eq!((path.as_path(), fs::read(&path).unwrap().as_slice()), (folder.join(NAME).as_path(), CONTENT));
    assert!(asked.join().unwrap().starts_with("GET /sets/three.csv "));
    assert_eq!((told.total, told.done, told.ended), (CONTENT.len() as u64, CONTENT.len() as u64, true));
    assert_eq!(names(&folder), [NAME]);
}

#[test]
fn the_digest_is_of_the_unpacked_content() {
    let folder = tempfile::tempdir().unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(CONTENT).unwrap();
    let packed = packed.finish().unwrap();
    let (address, _) = serve(answer("200 OK", packed.len(), &packed));
    let path = fetch_from(&address, folder.path(), &mut Told::default()).unwrap();
    assert_eq!(fs::read(path).unwrap(), packed, "kept as it came");
}

#[test]
fn what_does_not_arrive_as_it_should_is_named_and_leaves_nothing() {
    let mut cut = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    cut.write_all(CONTENT).unwrap();
    let mut cut = cut.finish().unwrap();
    cut.truncate(cut.len() - 9);
    let other = b"a,b\n1,2\n3,4\n5,7\n";
    let cases = [
        ("not there", answer("404 Not Found", 0, b""), "no such file (404)"),
        ("a fault of the server", answer("503 Service Unavailable", 0, b""), "answers 503"),
        ("another file", answer("200 OK", other.len(), other), SHA256),
        ("cut short by the network", answer("200 OK", CONTENT.len() + 9, CONTENT), "stopped sending"),
        ("cut short at the source", answer("200 OK", cut.len(), &cut), "cut short"),
        ("no answer", Vec::new(), "cannot be fetched"),
    ];
    let mut wrong = Vec::new();
    for (what, answer, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        // An earlier copy stays as it is.
        fs::write(folder.path().join(NAME), "earlier").unwrap();
        let (address, _) = serve(answer);
        match fetch_from(&address, folder.path(), &mut Told::default()) {
            Err(e) if e.contains(expected) && e.contains(&format!("{address}/{NAME}")) => {}
            other => wrong.push(format!("{what}: {other:?}")),
        }
        assert_eq!(names(folder.path()), [NAME], "{what}");
        assert_eq!(fs::read(folder.path().join(NAME)).unwrap(), b"earlier", "{what}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn without_a_server_the_network_is_what_to_check() {
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error =
        fetch_from(&format!("http://127.0.0.1:{port}"), folder.path(), &mut Told::default()).unwrap_err();
    assert!(error.contains("check the network"), "{error}");
}

#[test]
fn a_cancelled_fetch_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (address, _) = serve(answer("200 OK", CONTENT.len(), CONTENT));
    let cancel = Cancel::default();
    cancel.ask();
    let file = File { name: NAME, sha256: SHA256 };
    let done = fetch(&file, &address, folder.path(), &mut latentia::run::Silent, &cancel);
    assert!(matches!(done, Err(latentia::Error::Cancelled)), "{done:?}");
    assert!(names(folder.path()).is_empty());
}
