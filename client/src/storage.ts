// What survives a reload of the page: unfinished posts in localStorage, and a begun connection in sessionStorage.

/** As much of the Web Storage API as is needed. */
export interface Store {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** Return the browser's storage, or one that lasts as long as this client where there is none, as in Node. */
export function browserStore(name: "localStorage" | "sessionStorage"): Store {
  try {
    if (typeof document !== "undefined") return globalThis[name];
  } catch {
    // The browser is set not to store anything.
  }
  return memoryStore();
}

export function memoryStore(): Store {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  };
}

/** One value as JSON under a name. */
export class Stored<Value> {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  read(name: string): Value | undefined {
    try {
      return (JSON.parse(this.#store.getItem(PREFIX + name) ?? "null") as Value | null) ?? undefined;
    } catch {
      return undefined;
    }
  }

  write(name: string, value: Value | undefined): void {
    try {
      if (value === undefined) this.#store.removeItem(PREFIX + name);
      else this.#store.setItem(PREFIX + name, JSON.stringify(value));
    } catch {
      // The storage is full. Everything works without it until the page is reloaded.
    }
  }
}

const PREFIX = "threads-on-firebase:";
