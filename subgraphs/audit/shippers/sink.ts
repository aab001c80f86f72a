/** An event, or a checkpoint, in the form that a sink sends. */
export interface ShippedEvent {
  /** Its place in what one connection is sent, counted by the shipper. */
  readonly position: number;
  /** Undefined for what is no entry of the log. */
  readonly seq: number | undefined;
  /** The event's, which its source chose: two sources may use the same. */
  readonly id: string;
  /** The same for the first entry of the log that has this id, and for no other. */
  readonly documentId: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly type: string;
  readonly outcome: string;
  readonly traceId: string | undefined;
  /** One line: JSON of OCSF, or CEF. */
  readonly text: string;
}

/** An event that a receiver refuses for good. */
export interface DeadLetter {
  readonly position: number;
  readonly reason: string;
}

/** How far one step of sending went. */
export interface SentPart {
  /** How many of the first events were handed over. */
  readonly taken: number;
  /** Those of them that the receiver refuses for good. */
  readonly dead: readonly DeadLetter[];
}

/** A receiver of events, such as a SIEM. */
export interface Sink {
  /** @param from the position of the first event that will be sent */
  connect(from: number): Promise<SinkConnection>;
}

/** A connection from one failure to the next: after it, everything that is not acknowledged is sent again. */
export interface SinkConnection {
  /**
   * Hands the first of these events over, in order, and as many as go in one step; resolves when more may follow.
   *
   * @throws Error when the connection is of no use any more
   */
  send(events: readonly ShippedEvent[]): Promise<SentPart>;
  /** Events below this position are held by the receiver, as far as its protocol shows. @throws Error as `send` */
  acknowledged(): number;
  close(): Promise<void>;
}
