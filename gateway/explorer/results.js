/** Results as they come: of a subscription, or of a document with `@defer`. */
export const STREAMED = 'text/event-stream, application/graphql-response+json, application/json';
export const IN_PARTS =
  'multipart/mixed;deferSpec=20220824, application/graphql-response+json, application/json';

/** An iterator over the results of `send(signal)`, which ends the request where nobody wants more. */
export function iterate(send, onText) {
  const left = new AbortController();
  const results = readResults(send, left.signal, onText);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => results.next(),
    return() {
      left.abort();
      return Promise.resolve({ done: true, value: undefined });
    },
  };
}

async function* readResults(send, signal, onText) {
  try {
    const response = await send(signal);
    for await (const text of readTexts(response)) {
      onText(text);
      yield JSON.parse(text);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function* readTexts(response) {
  const type = response.headers.get('content-type') ?? '';
  const isEvents = type.startsWith('text/event-stream');
  if (!isEvents && !type.startsWith('multipart/mixed')) {
    yield await response.text();
    return;
  }
  const [end, read] = isEvents ? ['\n\n', readEvent] : ['\r\n--graphql', readPart];
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let rest = '';
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    const parts = (rest + decoder.decode(chunk.value, { stream: true })).split(end);
    rest = parts.pop();
    yield* parts.map(read).filter((text) => text !== '');
  }
}

/** The data of a `next`; a comment and `complete` have none. */
function readEvent(event) {
  if (!/^event: next$/m.test(event)) return '';
  return /^data: (.*)$/m.exec(event)?.[1] ?? '';
}

function readPart(part) {
  const head = part.indexOf('\r\n\r\n');
  return head === -1 ? '' : part.slice(head + 4);
}
