//! The state of the running sandbox, all in memory and bounded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::http::Method;

use crate::callbacks::Callbacks;
use crate::changes::Changes;
use crate::clock::AdjustableClock;
use crate::endpoint::Endpoint;
use crate::faults::Faults;
use crate::keys::Keys;
use crate::requests::Requests;
use crate::server::Options;
use crate::stand_ins::alipay::Alipay;
use crate::stand_ins::authenticator::Authenticator;
use crate::stand_ins::gate::Gates;
use crate::stand_ins::locks::Locks;
use crate::stand_ins::till::Tills;
use crate::stand_ins::wechat::WeChat;
use crate::stand_ins::wechat_pay::WechatPay;
use crate::stand_ins::wecom::Wecom;
use crate::stand_ins::{ReadOperation, StandIn};

/// The whole state: the parts that the stand-ins share, and one field for each stand-in.
#[derive(Debug)]
pub struct Sandbox {
    pub keys: Arc<Keys>,
    pub clock: Arc<AdjustableClock>,
    pub faults: Arc<Faults>,
    pub callbacks: Arc<Callbacks>,
    pub requests: Requests,
    pub wechat: Arc<WeChat>,
    pub wechat_pay: Arc<WechatPay>,
    pub alipay: Arc<Alipay>,
    pub locks: Arc<Locks>,
    pub wecom: Arc<Wecom>,
    pub tills: Arc<Tills>,
    pub gates: Arc<Gates>,
    /// The authenticator app of staff.
    authenticator: Arc<Authenticator>,
}

/// What a stand-in may use of the rest.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) keys: Arc<Keys>,
    pub(crate) clock: Arc<AdjustableClock>,
    pub(crate) callbacks: Arc<Callbacks>,
    pub(crate) faults: Arc<Faults>,
    /// Notified of every change, of callbacks too.
    pub(crate) changes: Arc<Changes>,
}

impl Sandbox {
    /// Must be called inside a tokio runtime, which then carries the callbacks.
    pub(crate) fn new(options: &Options) -> Result<Self, reqwest::Error> {
        let clock = Arc::new(AdjustableClock::over(options.clock.clone()));
        let (faults, changes) = (Arc::<Faults>::default(), Arc::<Changes>::default());
        let callbacks =
            Callbacks::new(clock.clone(), faults.clone(), changes.clone(), options.speed)?;
        callbacks.set_mode(options.callbacks);
        let (keys, callbacks) = (options.keys.clone(), Arc::new(callbacks));
        let shared = Shared { keys, clock, callbacks, faults, changes };
        let wechat = Arc::new(WeChat::new(&shared));
        Ok(Self {
            wechat_pay: Arc::new(WechatPay::new(&shared, wechat.clone())),
            wechat,
            alipay: Arc::new(Alipay::new(&shared)),
            locks: Arc::new(Locks::new(&shared)),
            wecom: Arc::new(Wecom::new(&shared)),
            tills: Arc::new(Tills::new(&options.tills, &options.server)?),
            gates: Arc::new(Gates::new(&options.gates, &options.server)?),
            authenticator: Arc::new(Authenticator::new(&shared.clock)),
            keys: shared.keys,
            clock: shared.clock,
            faults: shared.faults,
            callbacks: shared.callbacks,
            requests: Requests::default(),
        })
    }

    /// The list of stand-ins, in the order in which endpoints and paths are matched and the
    /// control page shows them.
    pub(crate) fn stand_ins(&self) -> Vec<Arc<dyn StandIn>> {
        vec![
            self.wechat.clone(),
            self.wechat_pay.clone(),
            self.alipay.clone(),
            self.locks.clone(),
            self.wecom.clone(),
            self.tills.clone(),
            self.gates.clone(),
            self.authenticator.clone(),
        ]
    }

    /// What merchants can ask for.
    pub fn endpoints(&self) -> impl Iterator<Item = Endpoint> {
        self.stand_ins().into_iter().flat_map(|stand_in| stand_in.endpoints()).copied()
    }

    /// How the operation of a request to a gateway is read; `None` for any other path.
    pub(crate) fn operation_of(&self, path: &str) -> Option<ReadOperation> {
        let gateways = self.stand_ins().into_iter().filter_map(|stand_in| stand_in.gateway());
        gateways.into_iter().find(|(gateway, _)| *gateway == path).map(|(_, read)| read)
    }

    /// What a request asks for; `None` for the sandbox's own pages.
    pub(crate) fn asked_for(&self, method: &Method, path: &str) -> Option<Endpoint> {
        self.endpoints().find(|endpoint| (endpoint.matches)(method, path))
    }
}

/// Locks and ignores poisoning: the sandbox should keep running after a panic in another thread.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
