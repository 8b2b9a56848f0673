//! Files that wait for a while.

use futures_util::TryStreamExt;
use onecard::{
    base::{
        clock::{Clock, ManualClock, Timestamp},
        crypto::{
            keyring::{Key32, KeyRing, NamedKey},
            seal::{SealError, Sealer},
        },
        ids::SchoolId,
    },
    stored_files::{FileError, NewFile, PART_BYTES, StoredFile, StoredFiles},
};
use sea_orm::ConnectionTrait;
use std::{sync::Arc, time::Duration};
use testkit::{TestDb, on_each_database};
use uuid::Uuid;

on_each_database!(
    a_file_is_read_as_it_was_written,
    a_part_stands_in_no_other_place,
    a_file_is_gone_when_its_time_is_over,
);

const NOW: Timestamp = Timestamp::from_seconds(1_767_232_800);
const DAY: Duration = Duration::from_hours(24);

fn files(db: &TestDb, now: Timestamp) -> StoredFiles {
    let key = NamedKey::new("d1", Key32::from_bytes([1; 32])).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(now));
    StoredFiles { db: db.db.clone(), sealer: Sealer::new(KeyRing::single(key)), clock }
}

/// Stores a file in pieces of a size that is no divisor of a part's.
async fn stored(files: &StoredFiles, content: &[u8]) -> StoredFile {
    let new = NewFile {
        school: SchoolId::from_number(1),
        owner: Uuid::from_u128(7),
        purpose: "test",
        name: "花名册.csv".to_owned(),
        lifetime: DAY,
    };
    let mut writer = files.begin(&new).await.unwrap();
    for piece in content.chunks(100_003) {
        writer.write(piece).await.unwrap();
        assert_eq!(files.find(writer.id()).await.unwrap(), None, "it is not whole yet");
    }
    let id = writer.finish().await.unwrap();
    files.find(id).await.unwrap().unwrap()
}

fn content(size: usize) -> Vec<u8> {
    (0..=250).cycle().take(size).collect()
}

async fn a_file_is_read_as_it_was_written(db: &TestDb) {
    let files = files(db, NOW);
    for size in [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 5] {
        let content = content(size);
        let file = stored(&files, &content).await;
        assert_eq!(file.bytes, u64::try_from(size).unwrap());
        assert_eq!(file.name, "花名册.csv");
        assert_eq!(*files.read(&file).await.unwrap(), content, "{size} bytes");
        let parts: Vec<_> = files.parts(file).try_collect().await.unwrap();
        assert_eq!(parts.concat(), content, "{size} bytes in parts");
        assert!(parts.iter().all(|part| part.len() <= PART_BYTES));
    }
}

async fn a_part_stands_in_no_other_place(db: &TestDb) {
    let files = files(db, NOW);
    let (one, other) = (stored(&files, &content(2 * PART_BYTES)).await, content(2 * PART_BYTES));
    let other = stored(&files, &other).await;
    let swap = |file: &StoredFile, from: &StoredFile, (to, place): (i32, i32)| {
        let (file, from) = (quoted(db, file), quoted(db, from));
        format!(
            "UPDATE stored_file_part SET sealed = (SELECT sealed FROM stored_file_part \
             WHERE file_id = {from} AND position = {place}) \
             WHERE file_id = {file} AND position = {to}"
        )
    };
    let admin = sea_orm::Database::connect(&db.url).await.unwrap();
    admin.execute_unprepared(&swap(&one, &one, (1, 0))).await.unwrap();
    assert!(matches!(files.read(&one).await, Err(FileError::Damaged)));
    admin.execute_unprepared(&swap(&other, &one, (0, 0))).await.unwrap();
    let refused = files.read(&other).await;
    assert!(matches!(refused, Err(FileError::Sealed(SealError::Refused))), "{refused:?}");
    let lost = format!("DELETE FROM stored_file_part WHERE file_id = {}", quoted(db, &one));
    admin.execute_unprepared(&lost).await.unwrap();
    assert!(matches!(files.read(&one).await, Err(FileError::Damaged)));
}

/// The id as SQL.
fn quoted(db: &TestDb, file: &StoredFile) -> String {
    let id = file.id.uuid();
    if db.db.is_sqlite() { format!("x'{}'", id.simple()) } else { format!("'{id}'") }
}

async fn a_file_is_gone_when_its_time_is_over(db: &TestDb) {
    let before = files(db, NOW);
    let file = stored(&before, b"1").await;
    let kept = stored(&files(db, NOW.plus(DAY)), b"2").await;
    let end = file.expires_at;
    assert_eq!(end, NOW.plus(DAY));
    let last = end.minus(Duration::from_micros(1));
    assert!(files(db, last).find(file.id).await.unwrap().is_some());
    assert_eq!(files(db, end).find(file.id).await.unwrap(), None);
    StoredFiles::delete_expired(&db.db, last).await.unwrap();
    assert!(before.read(&file).await.is_ok());
    StoredFiles::delete_expired(&db.db, end).await.unwrap();
    assert!(matches!(before.read(&file).await, Err(FileError::Damaged)));
    assert_eq!(*before.read(&kept).await.unwrap(), b"2");
    before.delete(kept.id).await.unwrap();
    assert_eq!(before.find(kept.id).await.unwrap(), None);
}
