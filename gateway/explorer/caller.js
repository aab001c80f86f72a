import { iterate } from './results.js';

/** The header of the explorers: who asks, and what the last answer refused. Credentials live in this page's memory alone. */
const MAX_REFUSALS = 20;
const WHO = '{ whoami { subject roles authenticationMethod } }';

const element = (id) => document.getElementById(id);
let authorization;

/** Calls back with each change of the caller, once its credentials have been accepted or forgotten. */
export function onCaller(listener) {
  element('kind').addEventListener('change', showFields);
  element('caller').addEventListener('submit', (event) => {
    event.preventDefault();
    void enter(listener);
  });
  element('forget').addEventListener('click', () => {
    authorization = undefined;
    show('Nobody: choose a caller', false);
    listener();
  });
  showFields();
}

/** Whether somebody has been chosen. */
export const hasCaller = () => authorization !== undefined;

/** Asks the gateway as the chosen caller; what it refuses is listed under the header. */
export async function ask(body, headers = {}) {
  const response = await send(body, headers, 'application/graphql-response+json, application/json');
  const text = await response.text();
  showRefusals(text);
  return { response, text };
}

/** The same for results that come one after the other. */
export function askForResults(body, headers, accept) {
  return iterate((signal) => send(body, headers, accept, signal), showRefusals);
}

function send(body, headers = {}, accept = undefined, signal = undefined) {
  return fetch('/graphql', {
    method: 'POST',
    credentials: 'omit',
    cache: 'no-store',
    headers: {
      ...(authorization === undefined ? {} : { authorization }),
      ...headers,
      accept,
      'content-type': 'application/json',
    },
    body,
    signal,
  });
}

function showFields() {
  const byToken = element('kind').value === 'token';
  element('token').hidden = !byToken;
  element('service').hidden = byToken;
  element('secret').hidden = byToken;
}

async function enter(listener) {
  authorization = readAuthorization();
  for (const id of ['token', 'secret']) element(id).value = '';
  const { text } = await ask(JSON.stringify({ query: WHO }));
  const { data, errors } = parse(text);
  const whoami = data?.whoami;
  if (!whoami) {
    authorization = undefined;
    show(`Not accepted: ${errors?.[0]?.extensions?.code ?? 'no answer'}`, false);
  } else {
    const roles = whoami.roles.join(', ') || 'no role';
    show(`${whoami.subject} (${roles}), by ${whoami.authenticationMethod}`, true);
  }
  listener();
}

function readAuthorization() {
  if (element('kind').value === 'token')
    return `Bearer ${element('token')
      .value.trim()
      .replace(/^(authorization:\s*)?bearer\s+/i, '')}`;
  const pair = [element('service').value.trim(), element('secret').value].map(encodeURIComponent).join(':');
  return `Basic ${btoa(pair)}`;
}

function show(who, known) {
  element('who').textContent = who;
  element('forget').hidden = !known;
}

function parse(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

function showRefusals(text) {
  const { errors = [] } = parse(text);
  const list = element('refusals');
  list.replaceChildren(
    ...errors.slice(0, MAX_REFUSALS).map(({ message, path, extensions }) => {
      const item = document.createElement('li');
      const code = document.createElement('code');
      code.textContent = extensions?.code ?? 'ERROR';
      item.append(code, ` ${path === undefined ? '' : `at ${path.join('.')}: `}${message}`);
      return item;
    }),
  );
  list.hidden = errors.length === 0;
}
