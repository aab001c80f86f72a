import { ask, onCaller } from './caller.js';

const SANDBOX =
  'https://embeddable-sandbox.cdn.apollographql.com/_latest/embeddable-sandbox.umd.production.min.js';
const OFFLINE =
  'Apollo Sandbox is loaded from Apollo, and this browser does not reach it. GraphiQL comes from this gateway and works without internet: ';

const target = document.getElementById('explorer');

/** Sandbox asks through this page, which adds the caller's credentials and sends to our own endpoint alone. */
async function handleRequest(_url, { body, headers }) {
  const { response, text } = await ask(body, headers);
  return new Response(text, { status: response.status, headers: response.headers });
}

function render() {
  target.replaceChildren();
  new window.EmbeddedSandbox({
    target: '#explorer',
    initialEndpoint: `${location.origin}/graphql`,
    endpointIsEditable: false,
    hideCookieToggle: true,
    runTelemetry: false,
    handleRequest,
  });
}

function explain() {
  const note = document.createElement('p');
  const link = document.createElement('a');
  link.href = '/graphiql';
  link.textContent = '/graphiql';
  note.className = 'note';
  note.append(OFFLINE, link);
  target.replaceChildren(note);
}

const script = document.createElement('script');
script.src = SANDBOX;
script.addEventListener('load', () => {
  onCaller(render);
  render();
});
script.addEventListener('error', () => {
  onCaller(explain);
  explain();
});
document.head.append(script);
