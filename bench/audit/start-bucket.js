import { once } from 'node:events';
import { createServer } from 'node:http';

/**
 * A bucket in this process, in path style, which speaks as much of the S3 protocol as publishing takes.
 *
 * @returns the variables by which an audit service finds it
 */
export async function startBucket() {
  const objects = new Map();
  const server = createServer(async (message, response) => {
    const chunks = [];
    for await (const chunk of message) chunks.push(chunk);
    const { pathname, searchParams } = new URL(message.url, 'http://bucket');
    const refuse = (status, code) => response.writeHead(status).end(`<Error><Code>${code}</Code></Error>`);
    if (message.method === 'PUT') {
      if (message.headers['if-none-match'] === '*' && objects.has(pathname))
        return refuse(412, 'PreconditionFailed');
      objects.set(pathname, Buffer.concat(chunks));
      response.end();
    } else if (message.method === 'DELETE') {
      objects.delete(pathname);
      response.writeHead(204).end();
    } else if (searchParams.has('list-type')) {
      const [, bucket] = pathname.split('/');
      const begin = `/${bucket}/${searchParams.get('prefix')}`;
      const keys = [...objects.keys()].filter((key) => key.startsWith(begin));
      const contents = keys.map((key) => `<Contents><Key>${key.slice(bucket.length + 2)}</Key></Contents>`);
      response.end(`<ListBucketResult>${contents.join('')}</ListBucketResult>`);
    } else if (objects.has(pathname)) response.end(objects.get(pathname));
    else refuse(404, 'NoSuchKey');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    AUDIT_OBJECT_STORE: 's3://bucket/log',
    AUDIT_OBJECT_STORE_ENDPOINT: `http://127.0.0.1:${server.address().port}`,
    AUDIT_OBJECT_STORE_REGION: 'eu-south-2',
    AUDIT_OBJECT_STORE_PATH_STYLE: 'true',
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
  };
}
