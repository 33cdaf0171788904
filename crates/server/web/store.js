// Conversations, kept in this browser.

const NAME = "ponder";
const TABLE = "conversations";

let opened;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function run(mode, act) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(TABLE, mode);
    const request = act(transaction.objectStore(TABLE));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

/** All conversations, the latest first. */
export async function all() {
  const found = await run("readonly", (table) => table.getAll());
  return found.sort((a, b) => b.changed - a.changed);
}

export const save = (conversation) => run("readwrite", (table) => table.put(conversation));

export const remove = (id) => run("readwrite", (table) => table.delete(id));
