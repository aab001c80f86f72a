import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { WebSocket } from 'undici';

/** Looks into a process that was started with `--inspect` at this port. */
export async function inspectProcess(port) {
  const [{ webSocketDebuggerUrl }] = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
  const socket = new WebSocket(webSocketDebuggerUrl);
  const waiting = new Map();
  const listeners = new Map();
  socket.addEventListener('message', ({ data }) => {
    const { id, method, params, result, error } = JSON.parse(data);
    if (id === undefined) listeners.get(method)?.(params);
    else if (error === undefined) waiting.get(id)?.resolve(result);
    else waiting.get(id)?.reject(new Error(error.message));
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', () => reject(new Error('the inspector does not answer')), {
      once: true,
    });
  });
  let sent = 0;
  const call = (method, params = {}) =>
    new Promise((resolve, reject) => {
      sent += 1;
      waiting.set(sent, { resolve, reject });
      socket.send(JSON.stringify({ id: sent, method, params }));
    });
  return {
    /** In MiB, after a garbage collection. */
    async memory() {
      await call('HeapProfiler.collectGarbage');
      const expression = 'JSON.stringify(process.memoryUsage())';
      const { result } = await call('Runtime.evaluate', { expression });
      const { rss, heapUsed, external, arrayBuffers } = JSON.parse(result.value);
      const mebibytes = (bytes) => Number((bytes / 1_048_576).toFixed(1));
      return {
        rssMiB: mebibytes(rss),
        heapMiB: mebibytes(heapUsed),
        externalMiB: mebibytes(external),
        buffersMiB: mebibytes(arrayBuffers),
      };
    },
    async writeHeapSnapshot(file) {
      const out = createWriteStream(file);
      listeners.set('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => out.write(chunk));
      await call('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
      out.end();
      await finished(out);
    },
    close() {
      socket.close();
    },
  };
}
