use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use pocketmux_core::files::{About, Algorithm, Digest, Entry, Hasher, Kind, Name, Store, StoreError};

use super::{ENTRIES_MAX, Folder, OPEN_MAX};

static PLACES: AtomicU32 = AtomicU32::new(0);

/// A directory of a test's own, with one beside it that nothing may touch.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("pocketmux-folder-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("dir")).unwrap();
        fs::create_dir_all(path.join("outside")).unwrap();
        fs::write(path.join("outside/secret"), "secret").unwrap();
        Self(path)
    }

    fn dir(&self) -> PathBuf {
        self.0.join("dir")
    }

    fn hidden(&self, name: &str) -> PathBuf {
        self.dir().join(".pocketmux").join(name)
    }

    fn folder(&self) -> Folder {
        Folder::new(&self.dir()).unwrap()
    }

    fn put(&self, name: &str, content: &[u8]) {
        fs::write(self.dir().join(name), content).unwrap();
    }

    fn content(&self, name: &str) -> Vec<u8> {
        fs::read(self.dir().join(name)).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let outside = self.0.join("outside");
        assert_eq!(fs::read(outside.join("secret")).unwrap(), b"secret");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1, "nothing outside the directory was touched");
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn digest(content: &[u8]) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha256).unwrap();
    hasher.update(content);
    hasher.digest()
}

fn about(text: &str, content: &[u8]) -> About {
    let kind = Kind::try_from("text/plain").unwrap();
    About { name: name(text), size: content.len() as u32, digest: digest(content), kind }
}

fn receive(folder: &mut Folder, text: &str, content: &[u8]) {
    let (id, stored) = folder.receive(&about(text, content)).unwrap();
    assert_eq!(stored, 0);
    assert_eq!(folder.prepare(id), Ok(true));
    content.chunks(240).for_each(|part| folder.append(id, part).unwrap());
    folder.finish(id).unwrap();
}

fn entries(folder: &mut Folder) -> Vec<Entry> {
    (0..).map_while(|at| folder.entry(at)).collect()
}

fn shown(folder: &mut Folder) -> Vec<(String, u32, u32)> {
    entries(folder).iter().map(|entry| (entry.name.as_str().to_owned(), entry.stored, entry.size)).collect()
}

fn numbers(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 % 251) as u8).collect()
}

#[test]
fn what_was_received_is_a_file_for_people_and_known_by_its_digest_after_a_restart() {
    let place = Place::new();
    for (text, content) in
        [("empty", vec![]), ("one", vec![7]), ("large", numbers(600_000)), ("ümlaut x.txt", numbers(9))]
    {
        receive(&mut place.folder(), text, &content);
        assert_eq!(place.content(text), content);
        let mut folder = place.folder();
        let (id, entry) = folder.open(&name(text)).unwrap();
        let About { name, size, digest, kind } = about(text, &content);
        assert_eq!(entry, Entry { name, size, stored: size, digest: Some(digest), kind });
        let mut read = vec![0; content.len() + 10];
        assert_eq!(folder.read(id, 0, &mut read), Ok(content.len()));
        assert_eq!(&read[..content.len()], content);
        assert_eq!(folder.read(id, size, &mut read), Ok(0));
    }
    let left = fs::read_dir(place.hidden("")).unwrap();
    assert!(left.map(|entry| entry.unwrap().path()).all(|path| path.extension().unwrap() == "sum"));
}

#[test]
fn a_partial_lives_on_when_the_program_is_gone_and_is_no_file_before_it_is_whole() {
    let (place, content) = (Place::new(), numbers(1000));
    place.put("a", b"before");
    let mut folder = place.folder();
    let (id, _) = folder.receive(&about("a", &content)).unwrap();
    folder.append(id, &content[..700]).unwrap();
    // As a killed program: nothing is closed.
    std::mem::forget(folder);
    // The lock goes with the process; here the descriptor that holds it stays, so the file is another one.
    let part = place.hidden("a.part");
    fs::copy(&part, place.hidden("copy")).unwrap();
    fs::rename(place.hidden("copy"), &part).unwrap();
    let mut folder = place.folder();
    assert_eq!(place.content("a"), b"before");
    assert_eq!(shown(&mut folder), [("a".into(), 6, 6), ("a".into(), 700, 1000)]);
    let (id, stored) = folder.receive(&about("a", &content)).unwrap();
    assert_eq!(stored, 700);
    let mut read = [0; 1000];
    assert_eq!(folder.read(id, 0, &mut read), Ok(700));
    assert_eq!(read[..700], content[..700]);
    assert_eq!(folder.append(id, &content[699..]), Err(StoreError::NoRoom));
    folder.append(id, &content[700..]).unwrap();
    folder.finish(id).unwrap();
    assert_eq!(place.content("a"), content);
    assert_eq!(shown(&mut folder), [("a".into(), 1000, 1000)]);
}

#[test]
fn a_partial_that_is_closed_stays_and_one_of_another_content_takes_its_place() {
    let (place, first, second) = (Place::new(), numbers(500), vec![9; 400]);
    let mut folder = place.folder();
    let (id, _) = folder.receive(&about("a", &first)).unwrap();
    assert_eq!(folder.receive(&about("a", &first)), Err(StoreError::InUse));
    assert_eq!(place.folder().receive(&about("a", &first)), Err(StoreError::InUse), "by another program too");
    folder.append(id, &first[..300]).unwrap();
    folder.close(id);
    assert_eq!(folder.receive(&about("a", &first)).unwrap().1, 300);
    folder.close(id);
    let (id, stored) = folder.receive(&about("a", &second)).unwrap();
    assert_eq!(stored, 0);
    folder.append(id, &second[..100]).unwrap();
    folder.restart(id).unwrap();
    folder.append(id, &second).unwrap();
    folder.finish(id).unwrap();
    assert_eq!(place.content("a"), second);
    let (id, _) = folder.receive(&about("b", &first)).unwrap();
    folder.append(id, &first).unwrap();
    folder.discard(id);
    assert_eq!(shown(&mut folder), [("a".into(), 400, 400)]);
    assert!(!place.hidden("b.part").exists() && !place.hidden("b.json").exists());
}

#[test]
fn a_program_that_is_killed_at_the_end_has_the_file_and_no_partial_beside_it() {
    let (place, content) = (Place::new(), numbers(100));
    receive(&mut place.folder(), "a", &content);
    // What a kill before the last step of finishing leaves.
    let kept = fs::read_to_string(place.hidden("a.sum")).unwrap();
    fs::write(place.hidden("a.json"), kept).unwrap();
    fs::write(place.hidden("b.sum.new"), "{\"si").unwrap();
    fs::write(place.hidden("gone.sum"), "{}").unwrap();
    let mut folder = place.folder();
    assert_eq!(shown(&mut folder), [("a".into(), 100, 100)]);
    assert_eq!(entries(&mut folder)[0].digest, Some(digest(&content)));
    assert_eq!(fs::read_dir(place.hidden("")).unwrap().count(), 1);
}

#[test]
fn files_of_people_are_shown_and_their_digest_holds_until_they_change() {
    let place = Place::new();
    place.put("a", b"one");
    let mut folder = place.folder();
    assert_eq!(entries(&mut folder)[0].digest, None);
    folder.learn(&name("a")).unwrap();
    assert_eq!(entries(&mut place.folder())[0].digest, Some(digest(b"one")));
    place.put("a", b"three");
    assert_eq!(entries(&mut folder)[0].digest, None);
    // A change while it is reckoned is noticed.
    let (id, _) = folder.open(&name("a")).unwrap();
    place.put("a", b"four");
    folder.note(id, digest(b"three"));
    folder.close(id);
    assert_eq!(entries(&mut folder)[0].digest, None);
    fs::remove_file(place.dir().join("a")).unwrap();
    assert_eq!(entries(&mut folder), []);
    assert_eq!(folder.learn(&name("a")), Err(StoreError::Missing));
}

#[test]
fn files_are_removed_and_renamed_and_never_in_place_of_another_or_in_use() {
    let place = Place::new();
    let mut folder = place.folder();
    receive(&mut folder, "a", b"content");
    place.put("b", b"other");
    let [a, b, c] = ["a", "b", "c"].map(name);
    assert_eq!(folder.rename(&a, &b), Err(StoreError::Exists));
    assert_eq!(folder.rename(&c, &a), Err(StoreError::Missing));
    let (id, _) = folder.open(&a).unwrap();
    assert_eq!(folder.rename(&a, &c), Err(StoreError::InUse));
    assert_eq!(folder.remove(&a), Err(StoreError::InUse));
    folder.close(id);
    folder.rename(&a, &c).unwrap();
    assert_eq!(place.content("c"), b"content");
    assert_eq!(folder.open(&c).unwrap().1.digest, Some(digest(b"content")), "its digest is still known");
    folder.remove(&b).unwrap();
    assert_eq!(folder.remove(&b), Err(StoreError::Missing));
    let (id, _) = folder.receive(&about("b", b"to come")).unwrap();
    folder.close(id);
    folder.remove(&b).unwrap();
    assert_eq!(shown(&mut folder), [("c".into(), 7, 7)]);
}

#[test]
fn what_is_no_file_is_not_shown_not_read_and_not_replaced() {
    let place = Place::new();
    let dir = place.dir();
    symlink(place.0.join("outside/secret"), dir.join("link")).unwrap();
    symlink(place.0.join("outside/new"), dir.join("dangling")).unwrap();
    symlink(place.0.join("outside"), dir.join("links")).unwrap();
    fs::create_dir(dir.join("folder")).unwrap();
    assert!(Command::new("mkfifo").arg(dir.join("pipe")).status().unwrap().success());
    place.put(".hidden", b"x");
    place.put("back\\slash", b"x");
    place.put(&"x".repeat(65), b"x");
    place.put("new\nline", b"x");
    place.put("seen", b"x");
    let mut folder = place.folder();
    assert_eq!(shown(&mut folder), [("seen".into(), 1, 1)]);
    for text in ["link", "dangling", "links", "folder", "pipe"] {
        let name = name(text);
        assert_eq!(folder.open(&name), Err(StoreError::Missing), "{text}");
        assert_eq!(folder.receive(&about(text, b"new")), Err(StoreError::Exists), "{text}");
        assert_eq!(folder.remove(&name), Err(StoreError::Missing), "{text}");
        assert_eq!(folder.rename(&name, &self::name("free")), Err(StoreError::Missing), "{text}");
        assert_eq!(folder.rename(&self::name("seen"), &name), Err(StoreError::Exists), "{text}");
    }
    // One that takes the place of the file while that comes.
    let (id, _) = folder.receive(&about("late", b"new")).unwrap();
    symlink(place.0.join("outside/secret"), dir.join("late")).unwrap();
    folder.append(id, b"new").unwrap();
    assert_eq!(folder.finish(id), Err(StoreError::Failed));
    assert!(dir.join("late").is_symlink());
    assert_eq!(folder.receive(&about("later", b"new")).map(|(_, stored)| stored), Ok(0));
}

#[test]
fn a_hidden_folder_that_leads_elsewhere_is_not_entered() {
    let place = Place::new();
    symlink(place.0.join("outside"), place.dir().join(".pocketmux")).unwrap();
    assert!(Folder::new(&place.dir()).is_err());
    fs::remove_file(place.dir().join(".pocketmux")).unwrap();
    let mut folder = place.folder();
    place.put("a", b"seen");
    symlink(place.0.join("outside"), place.dir().join(".pocketmux")).unwrap();
    assert_eq!(folder.receive(&about("b", b"new")), Err(StoreError::Failed));
    let (id, entry) = folder.open(&name("a")).unwrap();
    assert_eq!(entry.size, 4);
    folder.note(id, digest(b"seen"));
}

#[test]
fn parts_and_notes_that_make_no_sense_are_not_believed() {
    let (place, content) = (Place::new(), numbers(300));
    let mut folder = place.folder();
    let (id, _) = folder.receive(&about("a", &content)).unwrap();
    folder.append(id, &content[..100]).unwrap();
    folder.close(id);
    let note = fs::read(place.hidden("a.json")).unwrap();
    let stored = |folder: &mut Folder| {
        let (id, stored) = folder.receive(&about("a", &content)).unwrap();
        folder.close(id);
        stored
    };
    assert_eq!(stored(&mut folder), 100);
    // Longer than it can be.
    fs::write(place.hidden("a.part"), numbers(301)).unwrap();
    assert_eq!(shown(&mut folder), [("a".into(), 0, 300)]);
    assert_eq!(stored(&mut folder), 0);
    assert_eq!(fs::metadata(place.hidden("a.part")).unwrap().len(), 0);
    // A link out, by name or to the content itself.
    fs::remove_file(place.hidden("a.part")).unwrap();
    symlink(place.0.join("outside/secret"), place.hidden("a.part")).unwrap();
    assert_eq!(stored(&mut folder), 0);
    fs::remove_file(place.hidden("a.part")).unwrap();
    fs::hard_link(place.0.join("outside/secret"), place.hidden("a.part")).unwrap();
    assert_eq!(stored(&mut folder), 0);
    // A directory is no part, and stays.
    fs::remove_file(place.hidden("a.part")).unwrap();
    fs::create_dir(place.hidden("a.part")).unwrap();
    assert_eq!(folder.receive(&about("a", &content)), Err(StoreError::Failed));
    fs::remove_dir(place.hidden("a.part")).unwrap();
    for text in
        ["", "{", "[]", "{\"size\":-1}", "{\"size\":300,\"digest\":\"md5:00\",\"type\":\"\"}", &"[".repeat(100_000)]
    {
        fs::write(place.hidden("a.json"), text).unwrap();
        fs::write(place.hidden("a.part"), &content[..100]).unwrap();
        assert_eq!(shown(&mut folder), [], "{text:.20}");
        assert_eq!(stored(&mut folder), 0, "{text:.20}");
    }
    assert_eq!(fs::read(place.hidden("a.json")).unwrap(), note);
}

#[test]
fn there_is_a_bound_to_what_is_kept_and_to_what_is_open() {
    let place = Place::new();
    for at in 0..ENTRIES_MAX {
        place.put(&format!("{at:04}"), b"");
    }
    let mut folder = place.folder();
    assert_eq!(entries(&mut folder).len(), ENTRIES_MAX);
    assert_eq!(folder.receive(&about("more", b"x")), Err(StoreError::TooMany));
    place.put("one beyond", b"");
    assert_eq!(entries(&mut folder).len(), ENTRIES_MAX);
    let ids: Vec<_> = (0..OPEN_MAX).map(|_| folder.open(&name("0000")).unwrap().0).collect();
    assert_eq!(folder.open(&name("0001")), Err(StoreError::TooMany));
    folder.close(ids[3]);
    assert!(folder.open(&name("0001")).is_ok());
}

#[test]
fn more_than_there_is_room_for_is_refused_at_once() {
    let place = Place::new();
    let mut folder = place.folder();
    let space = folder.space();
    assert!(space.free > 0 && space.capacity >= space.free);
    if space.free == u32::MAX {
        // No file that can be named does not fit here; the test on a small file system is among those of the program.
        return;
    }
    let too_much = About { size: u32::MAX, ..about("a", b"") };
    assert_eq!(folder.receive(&too_much), Err(StoreError::NoRoom));
    assert_eq!(shown(&mut folder), []);
}

#[test]
fn a_directory_is_left_as_it_was_but_for_the_files_and_what_still_arrives() {
    let place = Place::new();
    let mut folder = place.folder();
    receive(&mut folder, "a", b"content");
    let (id, _) = folder.receive(&about("b", b"to come")).unwrap();
    folder.close(id);
    folder.leave(&[name("a")]);
    assert!(place.hidden("b.json").exists() && !place.hidden("a.sum").exists());
    folder.remove(&name("b")).unwrap();
    folder.leave(&[]);
    assert!(!Path::new(&place.hidden("")).exists());
}
