use crate::{NOW, databases::Fresh};
use onecard::{
    base::{
        clock::ManualClock,
        crypto::keyring::{Key32, KeyRing, NamedKey},
    },
    schools::{PersonKeys, Schools, import_schools, roster::RosterImport},
};
use std::{fmt::Write as _, fs, io::BufReader, sync::Arc, time::Instant};
fn check(s: &str) -> char {
    let w = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let n: u32 = s.bytes().zip(w).map(|(b, w)| u32::from(b - b'0') * w).sum();
    b"10X98765432"[usize::try_from(n % 11).unwrap()] as char
}
async fn run(f: Fresh) {
    import_schools(&f.db, &[crate::repository("schools/xnec.toml")], false, NOW).await.unwrap();
    let school = Schools::new(f.db.clone(), Arc::new(ManualClock::new(NOW)))
        .by_code("xnec")
        .await
        .unwrap()
        .unwrap()
        .id;
    let k = |id: &str, b| KeyRing::single(NamedKey::new(id, Key32::from_bytes([b; 32])).unwrap());
    let keys = PersonKeys::new(k("d", 1), k("i", 2));
    for (what, dep) in
        [("add", "信息工程学院"), ("same", "信息工程学院"), ("change", "机电工程学院")]
    {
        let path = "/tmp/w-fifty/r.csv";
        {
            let mut t = String::from(
                "student_no,name,id_number,phone,kind,department,class_name,valid_until\n",
            );
            for n in 0..50_000u32 {
                let id = format!("99{:04}20050317{:03}", n / 900, n % 900 + 1);
                let c = check(&id);
                writeln!(
                    t,
                    "{},学生{n},{id}{c},{},student,{dep},软件技术2301,2030-07-31",
                    2_000_000 + n,
                    12_000_000_000u64 + u64::from(n)
                )
                .unwrap();
            }
            fs::write(path, t).unwrap();
        }
        let s = Instant::now();
        let r = RosterImport { db: &f.db, keys: &keys, school, now: NOW }
            .run(BufReader::new(fs::File::open(path).unwrap()), |_| {})
            .await
            .unwrap();
        let hwm = fs::read_to_string("/proc/self/status")
            .unwrap()
            .lines()
            .find(|l| l.starts_with("VmHWM"))
            .unwrap()
            .to_owned();
        println!(
            "{what} {:?} {} {} {} {} {hwm}",
            s.elapsed(),
            r.added,
            r.changed,
            r.unchanged,
            r.refused.len()
        );
    }
    f.end().await;
}
#[tokio::test]
async fn fifty_sqlite() {
    run(Fresh::sqlite().await).await
}
#[tokio::test]
async fn fifty_pg() {
    run(Fresh::postgres().await.unwrap()).await
}
