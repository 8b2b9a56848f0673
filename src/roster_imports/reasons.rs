//! What the importer says of rows and files, in Chinese.

/// The columns of a roster.
const COLUMNS: [(&str, &str); 9] = [
    ("student_no", "学号"),
    ("name", "姓名"),
    ("id_number", "身份证号"),
    ("phone", "手机号"),
    ("kind", "类别"),
    ("department", "院系"),
    ("class_name", "班级"),
    ("valid_until", "有效期"),
    ("chip_number", "卡芯片号"),
];

/// What is said of a field or of a row; `#` stands for a number or a word of the sentence.
const FAULTS: [(&str, &str); 20] = [
    ("is missing", "没有填写"),
    (
        "must be 1 to 20 of the characters A-Z, a-z, 0-9, - and _",
        "只能是 1 至 20 个字母、数字、横线或下划线",
    ),
    ("stands on line # already", "第 # 行已有同样的学号"),
    (
        "belongs to another person: name and id_number both differ",
        "已是另一人的：姓名和身份证号都不同",
    ),
    ("must be 4 to 20 of 0-9 and A-F", "须为 4 至 20 位的数字或 A 至 F"),
    ("must be at most # characters", "最多 # 个字"),
    ("holds a control character", "含有控制字符"),
    ("holds a character that was lost in an earlier conversion", "含有转换编码时丢失的字"),
    ("must be 17 digits and a digit or X", "须为 17 位数字加一位数字或 X"),
    ("the date of birth in it does not exist", "其中的出生日期不存在"),
    ("the check digit does not fit", "校验位不对"),
    ("must be 11 digits, the first of them 1", "须为 11 位数字，以 1 开头"),
    ("must be student, staff or temporary", "须为 student、staff 或 temporary"),
    ("must be a day, as in 2028-07-31", "须为日期，如 2028-07-31"),
    ("a quotation mark is not closed", "引号没有成对"),
    ("is not CSV", "不是 CSV 格式"),
    ("the line is longer than # bytes", "这一行超过 # 字节"),
    ("is not valid #", "不是有效的 # 编码"),
    ("has # fields instead of #", "有 # 栏，应为 # 栏"),
    ("it is too long", "第一行太长"),
];

/// What is said of the first line.
const HEADERS: [(&str, &str); 3] =
    [("missing: ", "缺少列 "), ("unknown: ", "不认识的列 "), ("more than once: ", "重复的列 ")];

/// A column of a roster.
pub fn column_in_words(column: &str) -> &str {
    COLUMNS.iter().find(|(name, _)| *name == column).map_or(column, |(_, word)| word)
}

/// Why a row was refused.
pub fn reason_in_words(reason: &str) -> String {
    let said = reason.split("; ").map(|fault| match fault.split_once(": ") {
        Some((column, fault)) if COLUMNS.iter().any(|(name, _)| *name == column) => {
            format!("{}{}", column_in_words(column), plain(fault))
        }
        Some(_) | None => plain(fault),
    });
    said.collect::<Vec<_>>().join("；")
}

/// Why a file was not checked or imported.
pub fn fault_in_words(fault: &str) -> String {
    let Some(header) = fault.strip_prefix("header: ") else {
        let said = match fault {
            "utf16" => "文件是 UTF-16 编码，请另存为 UTF-8 或 GBK 的 CSV",
            "too_many_rows" => "超过 500,000 行",
            "file_gone" => "文件已删除，请重新上传",
            "no_right" => "开始导入的人已不能导入，没有写完的行没有写入；请由别人重新上传",
            _ => "多次没有办成，请稍后重新上传；再不行请联系网络中心",
        };
        return said.to_owned();
    };
    let said = header.split("; ").map(|fault| {
        let named = HEADERS.iter().find_map(|(what, word)| Some((word, fault.strip_prefix(what)?)));
        match (fault, named) {
            (_, Some((word, columns))) => format!(
                "{word}{}",
                columns.replace("(empty)", "（空）").replace("(not a column name)", "（不是列名）")
            ),
            ("the file is empty", None) => "文件是空的".to_owned(),
            ("it holds other characters", None) => "含有列名以外的字".to_owned(),
            (_, None) => plain(fault),
        }
    });
    format!("第一行不是花名册的列名：{}", said.collect::<Vec<_>>().join("；"))
}

/// A fault in Chinese; one that is not known as it is.
fn plain(fault: &str) -> String {
    let said = FAULTS.iter().find_map(|(pattern, words)| filled(pattern, words, fault));
    said.unwrap_or_else(|| fault.to_owned())
}

/// `words` with what stands in `fault` where `pattern` has `#`.
fn filled(pattern: &str, words: &str, fault: &str) -> Option<String> {
    let mut rest = fault;
    let mut said = words.to_owned();
    let mut parts = pattern.split('#');
    rest = rest.strip_prefix(parts.next()?)?;
    for part in parts {
        let end = if part.is_empty() { rest.len() } else { rest.find(part)? };
        let (found, after) = rest.split_at_checked(end)?;
        said = said.replacen('#', found, 1);
        rest = after.strip_prefix(part)?;
    }
    rest.is_empty().then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_said_in_chinese() {
        let cases = [
            ("id_number: the check digit does not fit", "身份证号校验位不对"),
            ("student_no: stands on line 12 already", "学号第 12 行已有同样的学号"),
            ("has 3 fields instead of 8", "有 3 栏，应为 8 栏"),
            ("is not valid GBK", "不是有效的 GBK 编码"),
            ("the line is longer than 4096 bytes", "这一行超过 4096 字节"),
            (
                "name: is missing; kind: must be student, staff or temporary; \
                 valid_until: must be a day, as in 2028-07-31",
                "姓名没有填写；类别须为 student、staff 或 temporary；有效期须为日期，如 2028-07-31",
            ),
            ("name: must be at most 50 characters", "姓名最多 50 个字"),
            (
                "student_no: belongs to another person: name and id_number both differ",
                "学号已是另一人的：姓名和身份证号都不同",
            ),
            ("something new", "something new"),
        ];
        for (reason, said) in cases {
            assert_eq!(reason_in_words(reason), said);
        }
        let cases = [
            ("utf16", "文件是 UTF-16 编码，请另存为 UTF-8 或 GBK 的 CSV"),
            ("header: the file is empty", "第一行不是花名册的列名：文件是空的"),
            (
                "header: missing: phone; unknown: mobile, (empty)",
                "第一行不是花名册的列名：缺少列 phone；不认识的列 mobile, （空）",
            ),
            ("header: it is too long", "第一行不是花名册的列名：第一行太长"),
        ];
        for (fault, said) in cases {
            assert_eq!(fault_in_words(fault), said);
        }
    }
}
