import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Body = Record<string, unknown>;

/** A server that speaks the symmetric part of the AWS KMS protocol, or stands before another one that does. */
export interface KmsDouble {
  readonly address: string;
  /** The operations that were asked for. */
  readonly requests: string[];
  fault(kind: 'none' | 'away' | 'denied'): void;
  close(): Promise<void>;
}

/** @param behind address of a foreign KMS server to which calls are handed on; without it, the double answers itself */
export async function startKmsDouble(behind?: string): Promise<KmsDouble> {
  const requests: string[] = [];
  const state = { fault: 'none' as 'none' | 'away' | 'denied' };
  const keys = new Map<string, Buffer>();

  function keyOf(id: string): Buffer {
    const key = keys.get(id) ?? randomBytes(32);
    keys.set(id, key);
    return key;
  }

  function encrypt(keyId: string, plaintext: Buffer, context: unknown): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', keyOf(keyId), nonce);
    cipher.setAAD(aadOf(context));
    const name = Buffer.from(keyId);
    const sealed = [cipher.update(plaintext), cipher.final(), cipher.getAuthTag()];
    return Buffer.concat([Buffer.from([name.length]), name, nonce, ...sealed]).toString('base64');
  }

  function decrypt(blob: unknown, keyId: unknown, context: unknown): Buffer {
    const bytes = Buffer.from(String(blob), 'base64');
    const end = 1 + (bytes[0] ?? 0);
    const name = bytes.subarray(1, end).toString();
    if (keyId !== undefined && keyId !== name) throw new Error('IncorrectKeyException');
    try {
      const decipher = createDecipheriv('aes-256-gcm', keyOf(name), bytes.subarray(end, end + 12));
      decipher.setAAD(aadOf(context));
      decipher.setAuthTag(bytes.subarray(-16));
      return Buffer.concat([decipher.update(bytes.subarray(end + 12, -16)), decipher.final()]);
    } catch {
      throw new Error('InvalidCiphertextException');
    }
  }

  const operations: Record<string, (body: Body) => Body> = {
    CreateKey: () => ({ KeyMetadata: { KeyId: randomUUID(), KeyState: 'Enabled' } }),
    DescribeKey: ({ KeyId }) => ({ KeyMetadata: { KeyId, KeyState: 'Enabled' } }),
    GenerateDataKey({ KeyId, EncryptionContext }) {
      const plaintext = randomBytes(32);
      return {
        KeyId,
        Plaintext: plaintext.toString('base64'),
        CiphertextBlob: encrypt(String(KeyId), plaintext, EncryptionContext),
      };
    },
    Decrypt: ({ CiphertextBlob, KeyId, EncryptionContext }) => ({
      KeyId,
      Plaintext: decrypt(CiphertextBlob, KeyId, EncryptionContext).toString('base64'),
    }),
    ReEncrypt: (body) => ({
      KeyId: body['DestinationKeyId'],
      CiphertextBlob: encrypt(
        String(body['DestinationKeyId']),
        decrypt(body['CiphertextBlob'], body['SourceKeyId'], body['SourceEncryptionContext']),
        body['DestinationEncryptionContext'],
      ),
    }),
  };

  async function handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const operation = String(message.headers['x-amz-target']).replace('TrentService.', '');
    requests.push(operation);
    if (state.fault === 'away') message.socket.destroy();
    else if (state.fault === 'denied') reply(response, 400, { __type: 'AccessDeniedException' });
    else if (behind !== undefined) handOn(behind, message, body, response);
    else {
      try {
        reply(response, 200, operations[operation]?.(JSON.parse(body.toString()) as Body) ?? {});
      } catch (error) {
        reply(response, 400, { __type: (error as Error).message });
      }
    }
  }

  const server = createServer((message, response) => void handle(message, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    requests,
    fault: (kind) => void (state.fault = kind),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function aadOf(context: unknown): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(context ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))));
}

function reply(response: ServerResponse, status: number, body: Body): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
}

function handOn(behind: string, message: IncomingMessage, body: Buffer, response: ServerResponse): void {
  const { host: _host, ...headers } = message.headers;
  const onward = httpRequest(behind, { method: 'POST', path: message.url, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  onward.end(body);
}
