//! Files that wait for a while: what a member of staff uploads, what one has asked for.
//!
//! Invariant: a file is sealed before it is stored, part by part, and no part can stand in another's place.
//! Invariant: a file is read only when it is whole, and not after it has expired.
//! Invariant: at most [`PART_BYTES`] of a file are in memory for it, whatever its size.

mod store;

use crate::base::{
    clock::{Clock, Timestamp},
    crypto::seal::{Aad, SealError, Sealer},
    db::{Db, DbError, TxError},
    ids::SchoolId,
    job_runs,
};
use futures_util::{Stream, stream};
use std::{sync::Arc, time::Duration};
use uuid::Uuid;
use zeroize::Zeroizing;

crate::uuid_id! {
    /// A stored file.
    FileId
}

/// How much of a file is sealed at once.
pub const PART_BYTES: usize = 256 * 1024;
/// The largest file.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;
/// How often expired files are deleted.
const DELETE_EVERY: Duration = Duration::from_mins(10);
/// How many files are deleted in a transaction.
const DELETE_AT_ONCE: u64 = 20;
/// The bytes of a part's position, which is sealed with it.
const POSITION_BYTES: usize = 4;

/// Stores and reads files.
#[derive(Clone, Debug)]
pub struct StoredFiles {
    /// The database.
    pub db: Db,
    /// Seals the parts.
    pub sealer: Sealer,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// A file that is to be stored.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// The school.
    pub school: SchoolId,
    /// The member of staff whose file it is.
    pub owner: Uuid,
    /// What it is for; the name in storage stays for good.
    pub purpose: &'static str,
    /// What it is called.
    pub name: String,
    /// How long it is kept.
    pub lifetime: Duration,
}

/// A file that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// The id.
    pub id: FileId,
    /// The school.
    pub school: SchoolId,
    /// The member of staff whose file it is.
    pub owner: Uuid,
    /// What it is for.
    pub purpose: String,
    /// What it is called.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// From then on it is not read.
    pub expires_at: Timestamp,
    parts: i32,
}

/// Why a file is not stored or read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Larger than [`MAX_BYTES`].
    #[error("larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// A part is missing, or stands in another's place.
    #[error("the stored file is damaged")]
    Damaged,
    /// Sealing or opening failed.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for FileError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::TooLarge | Self::Damaged | Self::Sealed(_) => None,
        }
    }
}

/// A file while it is written. What is dropped before [`FileWriter::finish`] is never read, and deleted
/// when it expires.
#[derive(Debug)]
pub struct FileWriter {
    files: StoredFiles,
    id: FileId,
    pending: Zeroizing<Vec<u8>>,
    parts: i32,
    bytes: u64,
}

impl StoredFiles {
    /// Begins a file.
    pub async fn begin(&self, new: &NewFile) -> Result<FileWriter, FileError> {
        let now = self.clock.now();
        let id = FileId::new(now);
        store::begin(&self.db, id, new, now).await?;
        let pending = Zeroizing::new(Vec::with_capacity(PART_BYTES));
        Ok(FileWriter { files: self.clone(), id, pending, parts: 0, bytes: 0 })
    }

    /// A file that is whole and has not expired.
    pub async fn find(&self, id: FileId) -> Result<Option<StoredFile>, DbError> {
        let found = store::find(&self.db, id).await?;
        Ok(found.filter(|file| self.clock.now() < file.expires_at))
    }

    /// The whole file; for files that are small by their purpose.
    pub async fn read(&self, file: &StoredFile) -> Result<Zeroizing<Vec<u8>>, FileError> {
        let size = usize::try_from(file.bytes).map_err(|_| FileError::TooLarge)?;
        let mut whole = Zeroizing::new(Vec::with_capacity(size));
        for position in 0..file.parts {
            whole.extend_from_slice(&self.part(file, position).await?);
        }
        if whole.len() == size { Ok(whole) } else { Err(FileError::Damaged) }
    }

    /// The file part by part: one query for each.
    pub fn parts(
        &self,
        file: StoredFile,
    ) -> impl Stream<Item = Result<Vec<u8>, FileError>> + use<> {
        let files = self.clone();
        stream::try_unfold((files, file, 0), async |(files, file, position)| {
            if position >= file.parts {
                return Ok(None);
            }
            let part = files.part(&file, position).await?;
            let next = (files, file, position.saturating_add(1));
            Ok(Some((part.to_vec(), next)))
        })
    }

    async fn part(
        &self,
        file: &StoredFile,
        position: i32,
    ) -> Result<Zeroizing<Vec<u8>>, FileError> {
        let sealed = store::part(&self.db, file.id, position).await?.ok_or(FileError::Damaged)?;
        let opened = self.sealer.open(&sealed, &aad(file.id))?;
        match opened.split_first_chunk::<POSITION_BYTES>() {
            Some((at, part)) if i32::from_be_bytes(*at) == position => {
                Ok(Zeroizing::new(part.to_vec()))
            }
            Some(_) | None => Err(FileError::Damaged),
        }
    }

    /// Deletes a file.
    pub async fn delete(&self, id: FileId) -> Result<(), DbError> {
        store::delete(&self.db, &[id]).await
    }

    /// Deletes expired files, for as long as the process lives.
    pub async fn delete_old(db: Db, clock: Arc<dyn Clock>) {
        let mut turn = tokio::time::interval(DELETE_EVERY);
        loop {
            turn.tick().await;
            if let Err(error) = job_runs::noted(Self::delete_expired(&db, clock.now()).await) {
                tracing::error!(%error, "expired files were not deleted");
            }
        }
    }

    /// Deletes the files that have expired at `now`, in batches.
    pub async fn delete_expired(db: &Db, now: Timestamp) -> Result<(), DbError> {
        loop {
            let expired = store::expired(db, now, DELETE_AT_ONCE).await?;
            if expired.is_empty() {
                return Ok(());
            }
            store::delete(db, &expired).await?;
        }
    }
}

impl FileWriter {
    /// Adds to the end of the file.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), FileError> {
        while !bytes.is_empty() {
            let room = PART_BYTES.saturating_sub(self.pending.len()).min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.pending.extend_from_slice(now);
            bytes = later;
            if self.pending.len() == PART_BYTES {
                self.store_part().await?;
            }
        }
        Ok(())
    }

    /// The id that the file will have.
    pub const fn id(&self) -> FileId {
        self.id
    }

    /// Ends the file, which can be read from then on.
    pub async fn finish(mut self) -> Result<FileId, FileError> {
        if !self.pending.is_empty() {
            self.store_part().await?;
        }
        store::complete(&self.files.db, self.id, (self.parts, self.bytes)).await?;
        Ok(self.id)
    }

    async fn store_part(&mut self) -> Result<(), FileError> {
        let size = u64::try_from(self.pending.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > MAX_BYTES {
            return Err(FileError::TooLarge);
        }
        let mut placed = Zeroizing::new(self.parts.to_be_bytes().to_vec());
        placed.extend_from_slice(&self.pending);
        let sealed = self.files.sealer.seal(&placed, &aad(self.id))?;
        store::add_part(&self.files.db, self.id, (self.parts, sealed)).await?;
        self.parts = self.parts.saturating_add(1);
        self.pending.clear();
        Ok(())
    }
}

const fn aad(id: FileId) -> Aad {
    Aad { table: "stored_file_part", column: "sealed", row: id.uuid() }
}
