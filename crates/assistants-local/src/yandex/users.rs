//! Users. No other object refers to them: a message may name any author.

use assistants_types::yandex::{CreateUser, DeleteUserResponse, ListUsersResponse, UpdateUser, User};
use time::OffsetDateTime;

use super::resource::{self, to_text};
use super::{ApiError, ApiResponse, Call, page};
use crate::ids;
use crate::storage::{Document, Kind, StorageError, Transaction};

pub(super) fn create(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: CreateUser = call.body()?;
    let mut user = User {
        folder_id: params.folder_id,
        name: params.name,
        description: params.description,
        source: params.source,
        expiration_config: params.expiration_config,
        labels: params.labels,
        ..User::default()
    };
    resource::set_created(&mut user, ids::new("user_"))?;
    let document = Document {
        kind: Kind::User,
        id: user.id.clone(),
        parent: None,
        tag: None,
        created_at: user.created_at.map_or(0, OffsetDateTime::unix_timestamp),
        body: to_text(&user)?,
        notes: None,
    };
    call.respond_once(|transaction| {
        transaction.insert(&document)?;
        transaction.put_in_folder(Kind::User, &user.id, &user.folder_id)?;
        resource::expire(&call.engine, transaction, &user)?;
        Ok(user.clone())
    })
}

pub(super) fn list(call: &Call) -> Result<ApiResponse, ApiError> {
    let page = call.read(|transaction| page::of_folder(call, transaction, Kind::User))?;
    let users = page.documents.iter().map(read).collect::<Result<_, _>>()?;
    call.respond(&ListUsersResponse {
        users,
        next_page_token: page.next,
        ..ListUsersResponse::default()
    })
}

pub(super) fn get(call: &Call) -> Result<ApiResponse, ApiError> {
    let document = call.read(|transaction| find(transaction, call.id("userId")))?;
    call.respond(&read(&document)?)
}

pub(super) fn update(call: &Call) -> Result<ApiResponse, ApiError> {
    let params: UpdateUser = call.body()?;
    call.respond_once(|transaction| {
        let mut document = find(transaction, call.id("userId"))?;
        let user = resource::update(&read(&document)?, &params, &params.update_mask)?;
        document.body = to_text(&user)?;
        transaction.update(&document)?;
        resource::expire(&call.engine, transaction, &user)?;
        Ok(user)
    })
}

pub(super) fn delete(call: &Call) -> Result<ApiResponse, ApiError> {
    let id = call.id("userId");
    call.transact(
        |transaction| match transaction.delete(Kind::User, id, resource::now().unix_timestamp())? {
            true => Ok(()),
            false => Err(ApiError::not_found(Kind::User, id)),
        },
    )?;
    call.respond(&DeleteUserResponse::default())
}

fn find(transaction: &dyn Transaction, id: &str) -> Result<Document, ApiError> {
    transaction
        .get(Kind::User, id)?
        .ok_or_else(|| ApiError::not_found(Kind::User, id))
}

fn read(document: &Document) -> Result<User, StorageError> {
    serde_json::from_str(&document.body).map_err(|error| StorageError {
        action: format!("reading the user {}: the stored data is damaged", document.id),
        source: Some(Box::new(error)),
    })
}
