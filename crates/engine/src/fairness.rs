//! Who is served next: tenants share the engine fairly, and nobody waits for ever.
//!
//! Each tenant has a count of the tokens computed for it; the one with the least goes first, and a
//! tenant that appears starts at the least count of those present, so it can save nothing up
//! (virtual token counter; Sheng et al., "Fairness in Serving Large Language Models", OSDI 2024,
//! section 4). That alone would let new tenants overtake an old one again and again. So every
//! [`AGE_TURN`]th admission and every second step of prefill goes to the oldest instead: a request
//! with `n` before it is admitted after at most `AGE_TURN * (n + 1)` admissions.

use std::collections::BTreeMap;

/// How often age decides an admission instead of the count.
pub(crate) const AGE_TURN: u64 = 4;

#[derive(Default)]
struct Tenant {
    /// Tokens computed.
    served: u64,
    /// Prompt tokens of admitted requests that are not computed yet.
    due: u64,
    /// Requests that wait or run.
    n_requests: usize,
}

/// The counts of all tenants that have requests.
#[derive(Default)]
pub(crate) struct Fairness {
    tenants: BTreeMap<u64, Tenant>,
    n_admitted: u64,
    n_steps: u64,
}

impl Fairness {
    /// A request arrives.
    pub fn arrive(&mut self, tenant: u64) {
        let least = self.tenants.values().map(|tenant| tenant.served).min().unwrap_or(0);
        let fresh = || Tenant { served: least, ..Tenant::default() };
        self.tenants.entry(tenant).or_insert_with(fresh).n_requests += 1;
    }

    /// A request leaves, with `due` prompt tokens not computed.
    pub fn leave(&mut self, tenant: u64, due: usize) {
        self.cancel_due(tenant, due);
        let entry = self.tenant(tenant);
        entry.n_requests -= 1;
        if entry.n_requests == 0 {
            self.tenants.remove(&tenant);
        }
    }

    /// Which of the waiting requests, oldest first, is admitted next. The answer changes only with
    /// what is served and admitted, so one that does not fit yet is asked for again.
    pub fn next_admission(&self, waiting: impl Iterator<Item = u64>) -> Option<usize> {
        let is_age_turn = self.n_admitted % AGE_TURN == AGE_TURN - 1;
        let cost = |tenant: u64| match self.tenants.get(&tenant) {
            Some(tenant) if !is_age_turn => tenant.served + tenant.due,
            _ => 0,
        };
        waiting.map(cost).enumerate().min_by_key(|(index, cost)| (*cost, *index)).map(|(i, _)| i)
    }

    /// A request is admitted, with `due` prompt tokens to compute.
    pub fn admit(&mut self, tenant: u64, due: usize) {
        self.n_admitted += 1;
        self.tenant(tenant).due += due as u64;
    }

    /// Prompt tokens turn out to be in the cache.
    pub fn cancel_due(&mut self, tenant: u64, n_tokens: usize) {
        self.tenant(tenant).due -= n_tokens as u64;
    }

    /// Tokens were computed, `due` of them prompt tokens.
    pub fn serve(&mut self, tenant: u64, n_tokens: usize, due: usize) {
        let tenant = self.tenant(tenant);
        tenant.served += n_tokens as u64;
        tenant.due -= due as u64;
    }

    /// Sorts prefilling sequences, given oldest first as (index, tenant), into the order in which
    /// this step serves them.
    pub fn order_prefills(&mut self, prefills: &mut [(usize, u64)]) {
        self.n_steps += 1;
        if self.n_steps.is_multiple_of(2) {
            prefills.sort_by_key(|(_, tenant)| self.tenants.get(tenant).map_or(0, |t| t.served));
        }
    }

    fn tenant(&mut self, tenant: u64) -> &mut Tenant {
        self.tenants.get_mut(&tenant).expect("a tenant stays while it has requests")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_served_goes_first_and_newcomers_start_level() {
        let mut fairness = Fairness::default();
        fairness.arrive(1);
        fairness.admit(1, 100);
        fairness.serve(1, 100, 100);
        fairness.arrive(2);
        fairness.arrive(1);
        // Tenant 2 starts where tenant 1 stands: of equals the older request goes first.
        assert_eq!(fairness.next_admission([1, 2].into_iter()), Some(0));
        assert_eq!(fairness.next_admission([2, 1].into_iter()), Some(0));
        fairness.serve(1, 1, 0);
        assert_eq!(fairness.next_admission([1, 2].into_iter()), Some(1));
        assert_eq!(fairness.next_admission([].into_iter()), None);
    }

    #[test]
    fn what_is_admitted_but_not_computed_counts() {
        let mut fairness = Fairness::default();
        [1, 2].into_iter().for_each(|tenant| fairness.arrive(tenant));
        fairness.admit(1, 50);
        assert_eq!(fairness.next_admission([1, 2].into_iter()), Some(1));
        fairness.cancel_due(1, 50);
        assert_eq!(fairness.next_admission([1, 2].into_iter()), Some(0));
    }

    #[test]
    fn the_oldest_is_not_overtaken_for_ever() {
        let mut fairness = Fairness::default();
        fairness.arrive(0);
        fairness.arrive(0);
        fairness.admit(0, 0);
        fairness.serve(0, 1_000_000, 0);
        let mut n_overtaking = 0;
        // Tenant 1 keeps the least count low while its many requests pass the old one.
        fairness.tenants.insert(1, Tenant { n_requests: 1, ..Tenant::default() });
        while fairness.next_admission([0, 1].into_iter()) == Some(1) {
            fairness.arrive(1);
            fairness.admit(1, 0);
            n_overtaking += 1;
            assert!(n_overtaking < 100, "overtaken for ever");
        }
        assert!((1..AGE_TURN).contains(&n_overtaking), "{n_overtaking}");
    }

    #[test]
    fn departed_tenants_are_forgotten() {
        let mut fairness = Fairness::default();
        for tenant in 0..1000 {
            fairness.arrive(tenant);
            fairness.admit(tenant, 7);
            fairness.leave(tenant, 7);
        }
        assert!(fairness.tenants.is_empty());
    }
}
