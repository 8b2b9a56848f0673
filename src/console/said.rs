//! More of what the next page says once; see `words::said`.

pub(super) const MORE: &[(&str, &str)] =
    &[("bills-compared", "已重新取账单并核对，结果见下"), ("day-closed", "已关闭，记下了由您核对")];
