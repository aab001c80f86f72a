/** Where a log can be read: from the running service, from its store, or from where it is published. */
export interface LogSource {
  /** Whether the service runs, so that the log grows while it is read. */
  readonly isRunning: boolean;
  readonly vkey: string;
  readonly checkpoint: string;
  /** The signed note that says below which index entries are dropped; empty where none are. */
  readonly minimumIndex: string;
  /** The last note that bears a time stamp, and that stamp; both empty where there is none. */
  readonly timestamped: { readonly note: string; readonly response: Buffer };
  /** The leaf hashes from `from` up to `to`: one full tile. */
  hashes(from: number, to: number): Promise<Buffer>;
  /** Canonical texts from `from` up to `to`; fewer where they are gone. */
  entries(from: number, to: number): Promise<readonly string[]>;
  /** How many tiles and bundles may be asked for beside the next one; default: 1. */
  readonly readAhead?: number;
  close(): Promise<void>;
}
