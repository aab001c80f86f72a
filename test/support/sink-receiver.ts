import { afterEach, beforeEach } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import type { SinkConnection, Sink } from '../../subgraphs/audit/shippers/sink.ts';
import { type DoubleAnswer, type DoubleRequest, type HttpsDouble, openHttpsDouble } from './https-double.ts';

/** A receiver of audit events over HTTPS, opened for each test. */
export interface SinkReceiver {
  readonly url: string;
  readonly ca: string;
  requests: DoubleRequest[];
  /** What it answers; set by each test. */
  answer: (request: DoubleRequest) => DoubleAnswer;
  /** Connects a sink to it, from the event at `position` on; the connection is closed after the test. */
  connect(sink: Sink, position: number): Promise<SinkConnection>;
  /** Waits until a request has come whose path contains this. */
  untilAsked(path: string): Promise<void>;
}

/** To be called once, outside the tests. */
export function openSinkReceiver(): SinkReceiver {
  let double: HttpsDouble;
  let connections: SinkConnection[] = [];
  const receiver: SinkReceiver = {
    get url() {
      return double.url;
    },
    get ca() {
      return double.ca;
    },
    requests: [],
    answer: () => ({ status: 200, body: {} }),
    async connect(sink, position) {
      const connection = await sink.connect(position);
      connections.push(connection);
      return connection;
    },
    async untilAsked(path) {
      while (!receiver.requests.some((request) => request.path.includes(path))) await wait(5);
    },
  };
  beforeEach(async () => {
    receiver.requests = [];
    double = await openHttpsDouble((request) => {
      receiver.requests.push(request);
      return receiver.answer(request);
    });
  });
  afterEach(async () => {
    for (const connection of connections) await connection.close();
    connections = [];
    await double.close();
  });
  return receiver;
}
