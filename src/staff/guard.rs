//! Middleware that authenticates members of staff, and arguments of handlers that need a right.
//!
//! Invariant: tokens of students are refused here, and those of staff everywhere else: their
//! audiences differ.

use super::StaffDesk;
use crate::{
    base::http::{
        ApiError, Caller,
        problem::{self, UNAUTHENTICATED},
    },
    staff_accounts::{StaffAct, StaffMember, StaffSignInError},
};
use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header,
    middleware::Next,
    web::Data,
};
use std::{
    future::{Ready, ready},
    marker::PhantomData,
    ops::Deref,
    sync::Arc,
};

/// What a handler lets somebody do.
pub trait Right: 'static {
    /// The act.
    const ACT: StaffAct;
}

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Right for $name {
            const ACT: StaffAct = StaffAct::$name;
        })*
    };
}

rights! {
    /// Read orders, and find one by a number.
    ReadOrders;
    /// Have the provider asked now about an order.
    AskProvider;
    /// Read refunds and requests for refunds.
    ReadRefunds;
    /// Ask for a refund.
    AskRefund;
    /// Approve or reject a refund.
    DecideRefund;
    /// Read days of bills, differences and requests to accept them.
    ReadBills;
    /// Have a day of bills compared again now.
    CompareBills;
    /// Close a day by hand in which nothing differs.
    CloseBills;
    /// Propose to accept a difference.
    AskRepair;
    /// Approve or reject that.
    DecideRepair;
    /// Read rights to pass doors.
    ReadDoorRights;
    /// Give somebody a right, or end it.
    ChangeDoorRights;
    /// Read the log of doors.
    ReadAccessLog;
    /// Read balances and statements of people.
    ReadBalances;
    /// Find people, masked, and open one.
    ReadPeople;
    /// Take a list of people away as a file.
    ExportPeople;
    /// Be shown a person's name and phone.
    RevealPerson;
    /// Report a card lost or found, end a device or a binding.
    ChangePerson;
    /// Read cases, as far as the roles let one.
    ReadCases;
    /// Take cases, give them back, end them.
    HandleCases;
    /// Read merchants and terminals, and what they took.
    ReadTerminals;
    /// Add merchants and terminals, give them keys, switch them on.
    ChangeTerminals;
    /// Switch them off.
    StopTerminals;
    /// Read what became of rosters.
    ReadRoster;
    /// Upload a roster, and import it.
    ImportRoster;
    /// Read how the system runs.
    ReadHealth;
    /// Try the keys of providers.
    TryKeys;
    /// Change what signs in the own login.
    ChangeOwnFactor;
    /// Read the logins of the school.
    ReadStaff;
    /// Add a login, change the roles of others, or switch them off.
    ChangeStaff;
    /// Read the audit log, as far as the roles let one.
    ReadAudit;
    /// Read the school's policy.
    ReadPolicy;
    /// Change it, propose it, or approve what is proposed.
    ChangePolicy;
    /// Read which messages could not be delivered.
    ReadMessages;
    /// Send one again.
    RetryMessages;
    /// Read requests to adjust balances.
    ReadAdjustments;
    /// Ask for an adjustment.
    AskAdjustment;
    /// Approve or reject that.
    DecideAdjustment;
    /// Read requests to reset query passwords.
    ReadPasswordResets;
    /// Ask for one, and decide that of another.
    ResetPassword;
}

/// A member of staff who may do `R` now. Responds with 401 to who is not signed in, and with 403 to who
/// has no such right.
#[derive(Clone, Debug)]
pub struct May<R>(Arc<StaffMember>, PhantomData<R>);

impl<R> Deref for May<R> {
    type Target = StaffMember;

    fn deref(&self) -> &StaffMember {
        &self.0
    }
}

impl<R: Right> FromRequest for May<R> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(allowed::<R>(request))
    }
}

fn allowed<R: Right>(request: &HttpRequest) -> Result<May<R>, ApiError> {
    let extensions = request.extensions();
    let caller = extensions.get::<Caller<Arc<StaffMember>>>().map(|caller| caller.0.clone());
    let member = caller.unwrap_or_else(|| Err(ApiError::new(UNAUTHENTICATED)))?;
    let desk = request.app_data::<Data<StaffDesk>>().ok_or(ApiError::new(problem::INTERNAL))?;
    member.may(R::ACT, desk.clock.now())?;
    Ok(May(member, PhantomData))
}

/// Stores the caller in the request extensions. A request without a token passes; a handler that
/// needs a caller refuses it through its arguments.
pub async fn identify(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if let Some(token) = bearer(&request).map(ToOwned::to_owned) {
        let caller = authenticate(&request, &token).await;
        request.extensions_mut().insert(Caller(caller));
    }
    next.call(request).await
}

async fn authenticate(request: &ServiceRequest, token: &str) -> Result<Arc<StaffMember>, ApiError> {
    let desk = request.app_data::<Data<StaffDesk>>().ok_or(ApiError::new(problem::INTERNAL))?;
    desk.accounts.authenticate(token).await.map_err(|error| match error {
        StaffSignInError::Db(error) => ApiError::internal(&error),
        StaffSignInError::TotpMissing
        | StaffSignInError::Refused
        | StaffSignInError::SlipExpired
        | StaffSignInError::NewPasswordNeeded
        | StaffSignInError::NewPasswordWeak
        | StaffSignInError::BadToken
        | StaffSignInError::NotNow(_)
        | StaffSignInError::Password(_)
        | StaffSignInError::NoToken(_)
        | StaffSignInError::NoSecret(_)
        | StaffSignInError::Sealed(_) => ApiError::new(UNAUTHENTICATED),
    })
}

fn bearer(request: &ServiceRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}
