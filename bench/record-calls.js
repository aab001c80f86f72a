import { readFileSync } from 'node:fs';
import { ApolloGateway } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { QUERIES } from './workload/queries.js';

/**
 * What Apollo's plan asks of the subgraphs, level by level, and what it answers: the floor repeats just that.
 *
 * @param supergraph the SDL file, with the subgraphs' plain addresses
 */
export async function recordCalls(supergraph) {
  let calls;
  const buildService = ({ url }) => ({
    async process({ request }) {
      const body = JSON.stringify({ query: request.query, variables: request.variables ?? {} });
      const level = calls.ended;
      calls.list.push({ level, url, body });
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      const answer = await response.json();
      calls.ended = Math.max(calls.ended, level + 1);
      return answer;
    },
  });
  const server = new ApolloServer({
    gateway: new ApolloGateway({ supergraphSdl: readFileSync(supergraph, 'utf8'), buildService }),
  });
  await server.start();
  const answers = {};
  for (const query of Object.values(QUERIES)) {
    calls = { ended: 0, list: [] };
    const { body } = await server.executeOperation({ query });
    const result = body.singleResult;
    if (result.errors !== undefined) throw new Error(JSON.stringify(result.errors));
    const name = /query (\w+)/.exec(query)[1];
    const levels = Object.values(Object.groupBy?.(calls.list, ({ level }) => level) ?? group(calls.list));
    answers[name] = {
      levels: levels.map((level) => level.map(({ url, body }) => ({ url, body }))),
      answer: { data: result.data },
    };
  }
  await server.stop();
  return answers;
}

function group(list) {
  const levels = {};
  for (const call of list) (levels[call.level] ??= []).push(call);
  return levels;
}
