import mongoose from 'mongoose';
import { openObjectStore } from '#libs/object-store';
import { attr, encodeModel, floatTensor, nodeOf, seededRandom, valueInfo, type NodeProto } from '#libs/onnx';
import { startServer, type RunningServer } from '#libs/testing';

export { until } from './server.fixture.js';

/** The resource, as far as these tests look at it. */
export interface JobAnswer {
  id: string;
  status: string;
  user_id: string;
  labels: string[];
  warnings: { code: string }[];
  report: { snr_db: number; verdict: string } | null;
  result: { file_name: string; bytes: number; sha256: string } | null;
  error: { code: string; class: string } | null;
  model: { sha256: string; bytes: number; file_name: string };
  ref_images: { count: number };
}

export interface ProblemAnswer {
  status: number;
  code: string;
  errors?: { pointer: string; code: string; detail: string }[];
}

/** A part of a submission, in the order it is sent; `file` parts have a file name. */
export type Part = [name: string, value: string] | [name: string, content: Uint8Array, fileName: string];

/** A server as a user would start it. */
export function startedServer(env: Record<string, string> = {}, dataDir?: string): Promise<RunningServer> {
  return startServer({ env, ...(dataDir !== undefined && { dataDir }) });
}

/** One on the embedded stores, whatever the tests run on: its objects are files, and it is alone on its database. */
export function embeddedServer(env: Record<string, string> = {}, dataDir?: string): Promise<RunningServer> {
  return startServer({ env, embedded: true, ...(dataDir !== undefined && { dataDir }) });
}

/** What a caller with this key can do. */
export class Api {
  constructor(
    readonly url: string,
    private readonly key: string,
  ) {}

  static of({ url, apiKey }: RunningServer): Api {
    return new Api(url, apiKey);
  }

  call(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${this.key}`, ...(init.headers as Record<string, string> | undefined) };
    return fetch(`${this.url}/api/v1${path}`, { ...init, headers });
  }

  async json<T>(path: string, init?: RequestInit): Promise<T> {
    return (await this.call(path, init)).json() as Promise<T>;
  }

  submit(parts: readonly Part[]): Promise<Response> {
    const form = new FormData();
    for (const [name, value, fileName] of parts) {
      if (typeof value === 'string') form.append(name, value);
      else form.append(name, new Blob([Uint8Array.from(value)]), fileName);
    }
    return this.call('/jobs', { method: 'POST', body: form });
  }

  async submitted(parts: readonly Part[]): Promise<JobAnswer> {
    const answer = await this.submit(parts);
    if (answer.status !== 202) throw new Error(`expected 202, found ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as JobAnswer;
  }

  async refused(parts: readonly Part[]): Promise<ProblemAnswer> {
    const answer = await this.submit(parts);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    return (await answer.json()) as ProblemAnswer;
  }

  /** The job once it has ended. */
  async ended(id: string): Promise<JobAnswer> {
    for (;;) {
      const job = await this.json<JobAnswer>(`/jobs/${id}`, { headers: { prefer: 'wait=30' } });
      if (!['queued', 'running'].includes(job.status)) return job;
    }
  }
}

export interface StoredEvent {
  kind: string;
  refs: { job_id?: string };
  data?: Record<string, unknown>;
}

/** Looks behind the server's back. */
export class Store {
  private constructor(
    private readonly client: mongoose.mongo.MongoClient,
    readonly db: mongoose.mongo.Db,
  ) {}

  static async of({ mongoUri }: RunningServer): Promise<Store> {
    const client = await mongoose.mongo.MongoClient.connect(mongoUri);
    return new Store(client, client.db(client.options.dbName === 'test' ? 'assay' : client.options.dbName));
  }

  /** Events of a ledger in the order they stand there. */
  async events(tenant = 'default'): Promise<StoredEvent[]> {
    const entries = await this.db.collection('ledger_entries').find({ tenant }).sort({ seq: 1 }).toArray();
    return entries.map((entry) => {
      const bytes = entry['bytes'] as mongoose.mongo.Binary;
      return JSON.parse(Buffer.from(bytes.buffer).toString('utf8')) as StoredEvent;
    });
  }

  async kindsOf(jobId: string, tenant?: string): Promise<string[]> {
    return (await this.events(tenant)).filter(({ refs }) => refs?.job_id === jobId).map(({ kind }) => kind);
  }

  close(): Promise<void> {
    return this.client.close();
  }
}

/** What the object store holds of all tenants. */
export async function storedKeys({ objectStoreUrl }: RunningServer): Promise<string[]> {
  const objects = await openObjectStore(objectStoreUrl);
  const keys: string[] = [];
  for await (const { key } of objects.list('tenants/')) keys.push(key);
  objects.close();
  return keys;
}

/** A small image into one wide layer of noise, which does not compress; `width` 1,000 weighs about 3 MB. */
export function wideModel(width: number): Uint8Array {
  const random = seededRandom(11);
  const weights = Float32Array.from({ length: width * 768 }, () => random() - 0.5);
  return modelOf(
    [nodeOf('Flatten', ['x'], ['flat']), nodeOf('Gemm', ['flat', 'w'], ['y'])],
    [{ name: 'x', dims: [1, 3, 16, 16] }],
    [1, width],
    [floatTensor('w', [768, width], weights)],
  );
}

/** Two images in, their sum through a convolution out. */
export function twoInputModel(): Uint8Array {
  const kernel = floatTensor(
    'k',
    [4, 3, 1, 1],
    Float32Array.from({ length: 12 }, (_, index) => 0.1 * index),
  );
  const nodes = [nodeOf('Add', ['left', 'right'], ['sum']), nodeOf('Conv', ['sum', 'k'], ['y'], [attr('group', 1)])];
  const dims = [1, 3, 16, 16];
  const inputs = [
    { name: 'left', dims },
    { name: 'right', dims },
  ];
  return modelOf(nodes, inputs, [1, 4, 16, 16], [kernel]);
}

/** Has a node `odd_one` with the operator `Frobnicate`, which nobody knows. */
export function unknownOperatorModel(): Uint8Array {
  return modelOf(
    [nodeOf('Frobnicate', ['x'], ['y'], [], 'odd_one')],
    [{ name: 'x', dims: [1, 3, 8, 8] }],
    [1, 3, 8, 8],
    [],
  );
}

function modelOf(
  node: NodeProto[],
  inputs: { name: string; dims: number[] }[],
  outputDims: number[],
  initializer: ReturnType<typeof floatTensor>[],
): Uint8Array {
  return encodeModel({
    irVersion: 8,
    opsetImport: [{ domain: '', version: 13 }],
    producerName: 'fixture',
    graph: {
      name: 'fixture',
      node,
      initializer,
      input: inputs.map(({ name, dims }) => valueInfo(name, dims)),
      output: [valueInfo('y', outputDims)],
    },
  });
}
