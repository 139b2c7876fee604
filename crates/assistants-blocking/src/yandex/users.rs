//! Users.

use assistants_types::yandex::operations as op;

use super::{Client, CreateUser, DeleteUserResponse, IdOf, ListUsersResponse, UpdateUser, User};
use crate::{Call, ListCall};

/// The users of the folder. From [`Client::users`].
#[derive(Clone, Debug)]
pub struct Users {
    pub(super) client: Client,
}

impl Users {
    /// Creates a user. `POST /users/v1/users`. The default folder is that of the client.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// use assistants_blocking::yandex::{CreateThread, CreateUser};
    ///
    /// let user = client.users().create(CreateUser::new(client.folder_id()).name("Ada")).send()?;
    /// let thread = CreateThread::new(client.folder_id()).default_message_author_id(&user.id);
    /// let thread = client.threads().create(thread).send()?;
    /// # assert_eq!(thread.default_message_author_id, user.id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, mut params: CreateUser) -> Call<User> {
        self.client.or_folder(&mut params.folder_id);
        self.client.call_with(op::CREATE_USER, &[], &params)
    }

    /// Reads one user. `GET /users/v1/users/{userId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let user = client.users().create(assistants_blocking::yandex::CreateUser::new(client.folder_id()).name("Ada")).send()?;
    /// assert_eq!(client.users().get(&user).send()?.name, "Ada");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "retrieve")]
    pub fn get(&self, user: impl IdOf<User>) -> Call<User> {
        self.client.call(op::GET_USER, &[user.as_id()])
    }

    /// Changes what `params` sets or clears, and keeps all other fields. `PATCH /users/v1/users/{userId}`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// # let user = client.users().create(assistants_blocking::yandex::CreateUser::new(client.folder_id()).name("Ada")).send()?;
    /// use assistants_blocking::yandex::UpdateUser;
    ///
    /// let params = UpdateUser::new(&user).clear_name().labels([("team", "blue")]);
    /// assert_eq!(client.users().update(params).send()?.name, "");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn update(&self, params: UpdateUser) -> Call<User> {
        self.client.call_with(op::UPDATE_USER, &[&params.user_id], &params)
    }

    /// Deletes one user. `DELETE /users/v1/users/{userId}`.
    pub fn delete(&self, user: impl IdOf<User>) -> Call<DeleteUserResponse> {
        self.client.call(op::DELETE_USER, &[user.as_id()])
    }

    /// Lists the users of the client's folder, newest first. `GET /users/v1/users`.
    ///
    /// ```
    /// # let server = assistants_local::LocalServer::builder().start()?;
    /// # let client = assistants_blocking::yandex::Client::builder().base_url(server.yandex_url()).folder_id("f").build()?;
    /// for user in client.users().list().page_size(100) {
    ///     println!("{}", user?.name);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> ListCall<User, ListUsersResponse> {
        self.client
            .list(op::LIST_USERS, &[], &[("folderId", self.client.folder_id())])
    }
}
