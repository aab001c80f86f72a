/** Outcomes without an intent are those of mutations that were refused, and the few that came before it: the newest are remembered. */
const MAX_EARLY = 10_000;

/** Mutations whose outcome is awaited. Two audit replicas may append what they held of one gateway in any order. */
export class OpenIntents {
  readonly #open = new Set<string>();
  readonly #early = new Set<string>();

  begin(key: string): void {
    if (!this.#early.delete(key)) this.#open.add(key);
  }

  end(key: string, operationKind?: unknown): void {
    if (this.#open.delete(key) || operationKind !== 'mutation') return;
    this.#early.add(key);
    const [oldest] = this.#early;
    if (this.#early.size > MAX_EARLY && oldest !== undefined) this.#early.delete(oldest);
  }

  open(): readonly string[] {
    return [...this.#open];
  }
}
