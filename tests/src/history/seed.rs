//! Fills a store with ended jobs: copies of the one that is there.

use std::path::Path;

use rusqlite::Connection;

/// Copies of the newest row with other numbers and names; names are spread as made ones are.
const COPY: &str = "
WITH RECURSIVE
  numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1),
  last AS (SELECT * FROM jobs ORDER BY id DESC LIMIT 1)
INSERT INTO jobs (id, name, uid, status, live, archived, state, ended_at, swept)
SELECT last.id + n,
       printf('h%08x_%d', (n * 2654435761) & 0xffffffff, last.id + n),
       uid, status, live, archived,
       json_set(state, '$.id', last.id + n,
                '$.name', printf('h%08x_%d', (n * 2654435761) & 0xffffffff, last.id + n)),
       ended_at + n, swept
FROM numbers, last;
INSERT INTO definitions (id, definition)
SELECT id, (SELECT definition FROM definitions ORDER BY id LIMIT 1)
FROM jobs WHERE id NOT IN (SELECT id FROM definitions);
";

/// Adds so many ended jobs to a store that no daemon uses, and that has one.
///
/// # Errors
/// What SQLite says.
pub fn seed(store: &Path, jobs: usize) -> rusqlite::Result<()> {
    let mut connection = Connection::open(store)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    let transaction = connection.transaction()?;
    let mut statements = COPY.split_inclusive(';');
    let (copy, define) = (statements.next(), statements.next());
    transaction.execute(
        copy.unwrap_or_default(),
        [i64::try_from(jobs).unwrap_or(i64::MAX)],
    )?;
    transaction.execute(define.unwrap_or_default(), [])?;
    transaction.commit()?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    // Else the first commits of the daemon wait for all of it to reach the disk.
    nix::unistd::sync();
    Ok(())
}
