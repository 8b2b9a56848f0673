//! The providers' protocols: each implements a trait that a floor above declares.
