import type { StreamEnd } from '../../gateway/streams/stream-end.ts';
import type { StreamClient } from '../../gateway/streams/subscriber.ts';
import type { FakeClock } from './fake-clock.ts';

/** What a client has got. */
export interface ClientSide extends StreamClient {
  readonly messages: { readonly at: number; readonly value: Message }[];
  heartbeats: number;
  ended: (StreamEnd & { readonly at: number }) | undefined;
  waitingBytes: number;
}

export interface Message {
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly path?: unknown; readonly extensions: { readonly code: string } }[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** A client that reads all that comes. */
export function createSink() {
  const state = { text: '', isEnded: false, close: (): void => undefined };
  return Object.assign(state, {
    waitingBytes: 0,
    write(text: string) {
      state.text += text;
    },
    end() {
      state.isEnded = true;
    },
    destroy: () => undefined,
    onClose(listener: () => void) {
      state.close = listener;
    },
  });
}

export function createClient(clock: FakeClock): ClientSide {
  return {
    messages: [],
    heartbeats: 0,
    ended: undefined,
    waitingBytes: 0,
    showsAuditId: false,
    next(text) {
      this.messages.push({ at: clock.now(), value: JSON.parse(text) as Message });
    },
    heartbeat() {
      this.heartbeats += 1;
    },
    end(end) {
      this.ended = { ...end, at: clock.now() };
    },
  };
}
