//! What the ledger needs of a store: [`crate::Memory`], [`crate::Dynamo`], and in tests a model of DynamoDB.

use std::fmt;

use async_trait::async_trait;
use serde_json::{Map, Value};

/// One item: its fields by name. The store adds the two parts of its key.
pub type Item = Map<String, Value>;

/// Where an item lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The partition.
    pub partition: String,
    /// The place in the partition.
    pub sort: String,
}

impl Key {
    /// A key from its two parts.
    pub fn new(partition: impl Into<String>, sort: impl Into<String>) -> Self {
        Self { partition: partition.into(), sort: sort.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.partition, self.sort)
    }
}

/// What must hold for a transaction to happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Nothing.
    Always,
    /// The item does not exist.
    Absent,
    /// The item exists and these fields have these values; null means that the field is absent.
    Fields(Vec<(&'static str, Value)>),
}

/// What a transaction does to one item.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Sets these fields and keeps those that are not named; a null removes its field.
    Set(Item),
    /// Removes the item.
    Delete,
    /// Only checks the condition.
    Check,
}

/// One part of a transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// Which item.
    pub key: Key,
    /// What must hold.
    pub condition: Condition,
    /// What happens.
    pub action: Action,
}

/// Which end of a partition is read first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The least sort key first.
    Forward,
    /// The greatest sort key first.
    Backward,
}

/// Why a store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The condition of the write at this index did not hold. Nothing was written.
    #[error("the condition of write {0} does not hold")]
    Refused(usize),
    /// Another transaction was at one of the items, or there was too much at once. Nothing was written.
    #[error("{0}")]
    Busy(String),
    /// The store did not answer, or not well. A write may or may not have happened.
    #[error("{0}")]
    Unavailable(String),
}

/// A store of items with conditional transactions and one sparse index.
#[async_trait]
pub trait Table: Send + Sync {
    /// One item, read consistently.
    async fn get(&self, key: &Key) -> Result<Option<Item>, TableError>;

    /// The items of a partition whose sort key begins with `prefix`, read consistently, at most `limit`.
    async fn query(
        &self,
        partition: &str,
        prefix: &str,
        direction: Direction,
        limit: Option<usize>,
    ) -> Result<Vec<Item>, TableError>;

    /// The keys of all items whose field `open` has this value, in order of their field `openKey`. May lag a little.
    async fn open(&self, value: &str) -> Result<Vec<Key>, TableError>;

    /// Does all writes, or none.
    async fn transact(&self, writes: Vec<Write>) -> Result<(), TableError>;
}
