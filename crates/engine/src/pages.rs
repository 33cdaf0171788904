//! The pages of the cache: who holds them, which prompts they hold, which goes next.
//!
//! A page is *free*, *held* by sequences, or *kept*: held by none, but full of prompt tokens that a
//! later request may share. When one must go it is the least recently used of the tenant that has
//! the most of them, so that nobody's many prompts push out another's few. Only full pages of
//! prompts are shared. They are found by their exact tokens and the page before them, so that no
//! collision of hashes can give one request the text of another.
//!
//! Pages are promised before they are used: a sequence enters only if the pages for its whole
//! length are there, and takes them one by one as it grows. Until then kept pages stay useful. So a
//! running sequence never lacks a page, and nothing is ever preempted.

use std::collections::{BTreeMap, HashMap};

use ponder_kernels::{PAGE_TOKENS, PageId};

/// What stands before a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Parent {
    /// Nothing: the page is the first of prompts with this salt.
    Salt(u128),
    /// A registered page, by a number that is never used again.
    Page(u64),
}

/// What makes a page of a prompt equal to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PageKey {
    parent: Parent,
    tokens: [u32; PAGE_TOKENS],
}

impl PageKey {
    /// The key of the page with these tokens, which fill it.
    pub fn new(parent: Parent, tokens: &[u32]) -> PageKey {
        PageKey { parent, tokens: tokens.try_into().expect("the tokens of one page") }
    }
}

struct Page {
    n_holders: usize,
    registered: Option<(PageKey, Parent)>,
    /// Whose prompt it holds, once registered.
    tenant: u64,
    /// When the last holder left; orders kept pages.
    released: u64,
}

/// All pages of a cache.
pub(crate) struct PagePool {
    pages: Vec<Page>,
    free: Vec<PageId>,
    index: HashMap<PageKey, PageId>,
    /// Pages that nobody holds: of each tenant, by the time of their release.
    kept: BTreeMap<u64, BTreeMap<u64, PageId>>,
    n_kept: usize,
    n_promised: usize,
    next_number: u64,
    clock: u64,
}

impl PagePool {
    pub fn new(n_pages: usize) -> PagePool {
        let page = || Page { n_holders: 0, registered: None, tenant: 0, released: 0 };
        PagePool {
            pages: (0..n_pages).map(|_| page()).collect(),
            free: (0..n_pages as u32).rev().map(PageId).collect(),
            index: HashMap::with_capacity(n_pages),
            kept: BTreeMap::new(),
            n_kept: 0,
            n_promised: 0,
            next_number: 0,
            clock: 0,
        }
    }

    pub fn n_pages(&self) -> usize {
        self.pages.len()
    }

    /// Pages that sequences hold.
    pub fn n_held(&self) -> usize {
        self.pages.len() - self.free.len() - self.n_kept
    }

    /// Pages of earlier prompts that nobody holds.
    pub fn n_kept(&self) -> usize {
        self.n_kept
    }

    pub fn n_promised(&self) -> usize {
        self.n_promised
    }

    /// The page with this content, and the parent of its successors.
    pub fn find(&self, key: &PageKey) -> Option<(PageId, Parent)> {
        let page = *self.index.get(key)?;
        let (_, number) = self.page(page).registered.expect("pages of the index are registered");
        Some((page, number))
    }

    /// Promises pages: `n` new ones, and to hold the `shared` ones. All or nothing.
    pub fn admit(&mut self, n: usize, shared: &[PageId]) -> bool {
        let n_kept_shared = shared.iter().filter(|page| self.page(**page).n_holders == 0).count();
        let available = self.free.len() + self.n_kept - n_kept_shared;
        if self.n_promised + n > available {
            return false;
        }
        self.n_promised += n;
        shared.iter().for_each(|page| self.hold(*page));
        true
    }

    /// Takes back promises of pages that are not needed.
    pub fn forgo(&mut self, n: usize) {
        self.n_promised = self.n_promised.checked_sub(n).expect("forgone pages were promised");
    }

    /// Redeems a promise for an empty page.
    pub fn take(&mut self) -> PageId {
        self.forgo(1);
        let page = self.free.pop().unwrap_or_else(|| self.evict());
        self.page_mut(page).n_holders = 1;
        page
    }

    /// Redeems a promise by holding a page that exists.
    pub fn take_shared(&mut self, page: PageId) {
        self.forgo(1);
        self.hold(page);
    }

    fn hold(&mut self, page: PageId) {
        if self.page(page).n_holders == 0 {
            let Page { tenant, released, .. } = *self.page(page);
            self.unkeep(tenant, released);
        }
        self.page_mut(page).n_holders += 1;
    }

    /// Takes the page that `tenant` let go at `released` off the kept ones.
    fn unkeep(&mut self, tenant: u64, released: u64) -> PageId {
        let own = self.kept.get_mut(&tenant).expect("a page nobody holds is kept");
        let page = own.remove(&released).expect("it is kept under its time");
        if own.is_empty() {
            self.kept.remove(&tenant);
        }
        self.n_kept -= 1;
        page
    }

    fn evict(&mut self) -> PageId {
        // Of equals the one whose oldest page is older.
        let oldest =
            |own: &BTreeMap<u64, PageId>| own.first_key_value().map_or(0, |(time, _)| *time);
        let most =
            self.kept.iter().max_by_key(|(_, own)| (own.len(), std::cmp::Reverse(oldest(own))));
        let (tenant, own) = most.expect("promises are covered by free and kept pages");
        let (tenant, released) = (*tenant, oldest(own));
        let page = self.unkeep(tenant, released);
        let (key, _) = self.page_mut(page).registered.take().expect("kept pages are registered");
        self.index.remove(&key);
        page
    }

    /// Offers a held page, now full of a tenant's prompt tokens, to others. If its like exists
    /// already, that one takes its place. Returns the page to hold and the parent of its successors.
    pub fn register(&mut self, page: PageId, key: PageKey, tenant: u64) -> (PageId, Parent) {
        if let Some((existing, number)) = self.find(&key) {
            self.hold(existing);
            self.release(page);
            return (existing, number);
        }
        let number = Parent::Page(self.next_number);
        self.next_number += 1;
        self.index.insert(key, page);
        self.page_mut(page).registered = Some((key, number));
        self.page_mut(page).tenant = tenant;
        (page, number)
    }

    /// Lets go of a sequence's pages, given in order. Later pages count as released first, so that
    /// a prefix outlives what follows it.
    pub fn release_all(&mut self, pages: &[PageId]) {
        pages.iter().rev().for_each(|page| self.release(*page));
    }

    fn release(&mut self, id: PageId) {
        self.clock += 1;
        let clock = self.clock;
        let page = self.page_mut(id);
        page.n_holders = page.n_holders.checked_sub(1).expect("only holders release a page");
        if page.n_holders > 0 {
            return;
        }
        page.released = clock;
        match page.registered {
            Some(_) => {
                let tenant = page.tenant;
                self.kept.entry(tenant).or_default().insert(clock, id);
                self.n_kept += 1;
            }
            None => self.free.push(id),
        }
    }

    /// Forgets all prompts, as when the weights have changed. Pages that are held stay held.
    pub fn forget(&mut self) {
        self.index.clear();
        self.pages.iter_mut().for_each(|page| page.registered = None);
        self.n_kept = 0;
        let kept = std::mem::take(&mut self.kept);
        self.free.extend(kept.into_values().flat_map(BTreeMap::into_values));
    }

    fn page(&self, id: PageId) -> &Page {
        &self.pages[id.0 as usize]
    }

    fn page_mut(&mut self, id: PageId) -> &mut Page {
        &mut self.pages[id.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(parent: Parent, first: u32) -> PageKey {
        PageKey::new(parent, &std::array::from_fn::<u32, PAGE_TOKENS, _>(|i| first + i as u32))
    }

    #[test]
    fn promises_bound_what_enters() {
        let mut pool = PagePool::new(4);
        assert!(pool.admit(3, &[]));
        assert!(!pool.admit(2, &[]), "one is left");
        assert!(pool.admit(1, &[]));
        let page = pool.take();
        assert!(!pool.admit(1, &[]));
        pool.release_all(&[page]);
        assert!(pool.admit(1, &[]));
        assert_eq!((pool.n_held(), pool.n_promised()), (0, 4));
    }

    #[test]
    fn prompts_are_found_by_salt_prefix_and_tokens() {
        let mut pool = PagePool::new(4);
        assert!(pool.admit(2, &[]));
        let pages = [pool.take(), pool.take()];
        let (_, parent) = pool.register(pages[0], key(Parent::Salt(7), 0), 0);
        pool.register(pages[1], key(parent, 64), 0);
        assert_eq!(pool.find(&key(Parent::Salt(7), 0)), Some((pages[0], parent)));
        assert_eq!(pool.find(&key(parent, 64)).map(|found| found.0), Some(pages[1]));
        for absent in [key(Parent::Salt(8), 0), key(Parent::Salt(7), 1), key(Parent::Salt(7), 64)] {
            assert_eq!(pool.find(&absent), None);
        }
    }

    #[test]
    fn an_equal_page_replaces_a_second_copy() {
        let mut pool = PagePool::new(3);
        assert!(pool.admit(2, &[]));
        let [first, second] = [pool.take(), pool.take()];
        let registered = pool.register(first, key(Parent::Salt(0), 5), 0);
        assert_eq!(pool.register(second, key(Parent::Salt(0), 5), 0), registered);
        assert_eq!(pool.n_held(), 1);
        pool.release_all(&[first]);
        assert_eq!(pool.n_held(), 1, "the second holder keeps it");
        pool.release_all(&[first]);
        assert_eq!((pool.n_held(), pool.n_kept()), (0, 1));
    }

    #[test]
    fn the_least_recently_used_goes_and_a_prefix_outlives_its_end() {
        let mut pool = PagePool::new(3);
        assert!(pool.admit(3, &[]));
        let pages = [pool.take(), pool.take(), pool.take()];
        let (_, a) = pool.register(pages[0], key(Parent::Salt(0), 0), 0);
        pool.register(pages[1], key(a, 1), 0);
        pool.register(pages[2], key(Parent::Salt(0), 500), 0);
        pool.release_all(&pages[..2]);
        pool.release_all(&pages[2..]);
        assert!(pool.admit(2, &[]));
        assert_eq!(pool.take(), pages[1], "the end of the older prompt");
        assert_eq!(pool.take(), pages[0]);
        assert!(pool.find(&key(Parent::Salt(0), 0)).is_none());
        assert!(!pool.admit(1, &[pages[2]]), "it cannot be both shared and taken");
        assert!(pool.admit(0, &[pages[2]]));
    }

    #[test]
    fn a_tenant_with_many_pages_pushes_out_its_own_first() {
        let mut pool = PagePool::new(6);
        assert!(pool.admit(6, &[]));
        let pages: Vec<PageId> = (0..6).map(|_| pool.take()).collect();
        // Tenant 1 was here first, with two pages; tenant 2 leaves four.
        for (index, page) in pages.iter().enumerate() {
            let (salt, tenant) = if index < 2 { (1, 1) } else { (2, 2) };
            pool.register(*page, key(Parent::Salt(salt), 100 * index as u32), tenant);
            pool.release_all(&[*page]);
        }
        assert!(pool.admit(4, &[]));
        let taken: Vec<PageId> = (0..4).map(|_| pool.take()).collect();
        assert_eq!(taken[..2], pages[2..4], "until both have two");
        assert_eq!(taken[2], pages[0], "then the oldest");
        assert_eq!(taken[3], pages[4], "then whoever has more again");
    }

    #[test]
    fn forgetting_keeps_what_is_held() {
        let mut pool = PagePool::new(2);
        assert!(pool.admit(2, &[]));
        let pages = [pool.take(), pool.take()];
        pool.register(pages[0], key(Parent::Salt(0), 0), 0);
        pool.register(pages[1], key(Parent::Salt(0), 9), 0);
        pool.release_all(&pages[..1]);
        pool.forget();
        assert_eq!((pool.n_held(), pool.n_kept()), (1, 0));
        pool.release_all(&pages[1..]);
        assert!(pool.admit(2, &[]) && pool.find(&key(Parent::Salt(0), 0)).is_none());
    }
}
