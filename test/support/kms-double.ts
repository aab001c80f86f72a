import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  randomUUID,
} from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { signDigest, toDer } from './sign-digest.ts';

type Body = Record<string, unknown>;
/** `mute`: calls are taken and not answered. */
type Fault = 'none' | 'away' | 'denied' | 'mute';

/** A server that speaks the parts of the AWS KMS protocol that the deployment uses, or stands before another one that does. */
export interface KmsDouble {
  readonly address: string;
  /** The operations that were asked for. */
  readonly requests: string[];
  fault(kind: Fault): void;
  /** The states of the signing keys, by id. */
  keyStates(): Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const PAIRS: Readonly<Record<string, () => KeyObject>> = {
  ECC_NIST_P256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  RSA_2048: () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
};

/** @param behind address of a foreign KMS server to which calls are handed on; without it, the double answers itself */
export async function startKmsDouble(behind?: string): Promise<KmsDouble> {
  const requests: string[] = [];
  const state = { fault: 'none' as Fault };
  const signing = createSigningOperations();
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
    ...signing.operations,
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
    if (state.fault === 'mute') return;
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
    keyStates: signing.states,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface SigningPair {
  readonly key: KeyObject;
  state: 'Enabled' | 'Disabled' | 'PendingDeletion';
}

/** Keys that sign digests as they stand, which moto does not: it hashes them once more. */
function createSigningOperations() {
  const pairs = new Map<string, SigningPair>();
  const usable = (id: unknown): SigningPair => {
    const pair = pairs.get(String(id));
    if (pair === undefined) throw new Error('NotFoundException');
    if (pair.state === 'Disabled') throw new Error('DisabledException');
    if (pair.state === 'PendingDeletion') throw new Error('KMSInvalidStateException');
    return pair;
  };
  const operations: Record<string, (body: Body) => Body> = {
    CreateKey({ KeySpec, KeyUsage }) {
      const id = randomUUID();
      const make = PAIRS[String(KeySpec)];
      if (make !== undefined && KeyUsage === 'SIGN_VERIFY') pairs.set(id, { key: make(), state: 'Enabled' });
      return {
        KeyMetadata: { KeyId: id, KeyState: 'Enabled' },
      };
    },
    GetPublicKey: ({ KeyId }) => ({
      KeyId,
      PublicKey: createPublicKey(usable(KeyId).key)
        .export({ type: 'spki', format: 'der' })
        .toString('base64'),
    }),
    Sign({ KeyId, Message, MessageType, SigningAlgorithm }) {
      const { key } = usable(KeyId);
      const fits = key.asymmetricKeyType === 'rsa' ? 'RSASSA_PKCS1_V1_5_SHA_256' : 'ECDSA_SHA_256';
      if (MessageType !== 'DIGEST' || SigningAlgorithm !== fits) throw new Error('ValidationException');
      const signature = signDigest(key, Buffer.from(String(Message), 'base64'));
      const wire = key.asymmetricKeyType === 'rsa' ? signature : toDer(signature);
      return { KeyId, SigningAlgorithm, Signature: wire.toString('base64') };
    },
    DisableKey({ KeyId }) {
      const pair = pairs.get(String(KeyId));
      if (pair?.state !== 'Disabled') usable(KeyId).state = 'Disabled';
      return {};
    },
    ScheduleKeyDeletion({ KeyId, PendingWindowInDays }) {
      const pair = pairs.get(String(KeyId));
      if (pair === undefined || Number(PendingWindowInDays) < 7) throw new Error('ValidationException');
      pair.state = 'PendingDeletion';
      return { KeyId };
    },
  };
  const states = (): Record<string, string> =>
    Object.fromEntries([...pairs].map(([id, { state }]) => [id, state]));
  return { operations, states };
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
