/** An event of the log with its place in it. */
export interface LoggedEvent {
  readonly seq: number;
  /** Hex. */
  readonly leafHash: string;
  readonly envelope: Envelope;
}

/** The members of an envelope that the mapping reads. */
export interface Envelope {
  readonly id: string;
  readonly time: string;
  readonly type: string;
  readonly class_uid: number;
  readonly outcome: string;
  readonly source: {
    readonly peer: string;
    readonly instance: string;
    readonly boot_id: string;
    readonly n: number;
  };
  readonly actor: Readonly<Record<string, unknown>> & { readonly sub: string };
  readonly request?: Readonly<Record<string, unknown>> | null;
  readonly policy?: Readonly<Record<string, unknown>> | null;
  readonly trace?: Readonly<Record<string, unknown>> | null;
  readonly detail?: Readonly<Record<string, unknown>>;
}
