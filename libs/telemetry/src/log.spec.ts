import { Log, type LogOptions } from './index.js';

function logInto(lines: string[], options: Partial<LogOptions> = {}): Log {
  return new Log({
    service: 'assay',
    version: '1.2.3',
    env: 'test',
    instanceId: 'i-1',
    level: 'debug',
    sampleRate: 0.01,
    destination: { write: (line) => void lines.push(line) },
    ...options,
  });
}

/** The lines `act` makes a logger write, parsed. */
function linesOf(act: (log: Log) => void, options?: Partial<LogOptions>): Record<string, unknown>[] {
  const lines: string[] = [];
  act(logInto(lines, options));
  return lines.map((line) => {
    expect(line.endsWith('\n') && line.indexOf('\n') === line.length - 1).toBe(true);
    return JSON.parse(line) as Record<string, unknown>;
  });
}

describe('Log', () => {
  it('writes one JSON object a line with the time in UTC milliseconds and the level as a word', () => {
    const [line] = linesOf((log) => log.warn('jobs.create_failed', { job_id: 'j-1', duration_ms: 12 }));
    expect(line).toEqual({
      level: 'warn',
      ts: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      service: 'assay',
      version: '1.2.3',
      env: 'test',
      instance_id: 'i-1',
      action: 'jobs.create_failed',
      msg: 'jobs create failed',
      job_id: 'j-1',
      duration_ms: 12,
    });
  });

  it('drops and counts what the closed list does not have, or has with another type', () => {
    const lines: string[] = [];
    const log = logInto(lines);
    log.info('jobs.list', { prompt: 'a', job_id: { deep: 1 }, duration_ms: 'x', ok: true } as never);
    expect(JSON.parse(lines[0]!)).toMatchObject({ ok: true });
    expect(Object.keys(JSON.parse(lines[0]!) as object)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(prompt|job_id|duration_ms)$/)]),
    );
    expect(log.dropped).toBe(3);
  });

  it('keeps inherited names out of the list', () => {
    const lines: string[] = [];
    const log = logInto(lines);
    log.info('jobs.list', { constructor: 'x', toString: 'y' } as never);
    expect(log.dropped).toBe(2);
  });

  it('does not let a field pose as one of the logger', () => {
    const [line] = linesOf((log) => log.info('jobs.list', { level: 'error', ts: 'never', msg: 'hello' } as never));
    expect(line).toMatchObject({ level: 'info', msg: 'jobs list', ts: expect.not.stringContaining('never') });
  });

  it('adds the fields of the request that is running, the line’s own first', () => {
    const context = () => ({ request_id: 'r-1', tenant_id: 'acme' });
    const [line] = linesOf((log) => log.info('jobs.list', { tenant_id: 'other' }), { context });
    expect(line).toMatchObject({ request_id: 'r-1', tenant_id: 'other' });
  });

  it('is silent below its level', () => {
    expect(linesOf((log) => log.info('jobs.list'), { level: 'warn' })).toEqual([]);
  });

  it('writes sampled lines at their rate and named ones always', () => {
    const draws = [0.5, 0.009, 0.01];
    const random = () => draws.shift()!;
    const lines = linesOf(
      (log) => {
        for (const job_id of ['a', 'b', 'c']) log.sampled('jobs.get_one', { job_id });
        log.info('jobs.created', { job_id: 'd' });
      },
      { random },
    );
    expect(lines.map((line) => line['job_id'])).toEqual(['b', 'd']);
  });

  it('folds an error of several lines into details.stack, bounded', () => {
    const message = ['first line '.repeat(30), ...Array.from({ length: 60 }, (_, i) => `line ${i}`)].join('\n');
    const [line] = linesOf((log) => log.error('jobs.failed', { error_message: message }));
    expect((line!['error_message'] as string).length).toBe(100);
    const { stack } = line!['details'] as { stack: string };
    expect(stack.split('\n')).toHaveLength(12);
    expect(stack.length).toBeLessThanOrEqual(2_000);
  });

  it('gives Nest’s own lines the same form', () => {
    const lines = linesOf((log) => {
      const nest = log.forNest();
      nest.log('Mapped {/api, GET} route', 'RouterExplorer');
      nest.warn({ password: 'hunter22', job_id: 'j' });
      nest.error('boom at /srv/app/x.js', new Error('boom').stack, 'ExceptionsHandler');
      nest.error(new Error('token=abcdefgh'), 'ExceptionsHandler');
    });
    expect(lines.map((line) => [line['level'], line['action'], line['error_message']])).toEqual([
      ['debug', 'nest.line', 'Mapped {[path], GET} route'],
      ['warn', 'nest.line', undefined],
      ['error', 'nest.line', 'boom at [path]'],
      ['error', 'nest.line', 'token=[secret]'],
    ]);
    expect(lines[3]).toHaveProperty('details.stack', expect.stringContaining('log.spec.ts'));
    expect(JSON.stringify(lines)).not.toMatch(/hunter22|context|abcdefgh/);
  });
});

describe('the privacy scan', () => {
  const planted = {
    key: 'assay_0193a1b2c3d4_Zm9vYmFyYmF6cXV4Zm9vYmFy',
    preShared: 'plain-shared-key-0123456789',
    bearer: 'Bearer abc.def-ghi_jkl',
    basic: 'basic dXNlcjpwYXNzd29yZA==',
    jwt: 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl',
    aws: 'AKIAIOSFODNN7EXAMPLE',
    assignment: 'client_secret=s3cr3tvalue',
    json: '{"access_token":"json-t0ken-value"}',
    url: 'mongodb://admin:hunter2@db.internal:27017/x',
    email: 'jane.doe+test@example.co.uk',
    path: '/home/jane/models/private.onnx',
    shortPath: '/tmp',
    file: 'file:///srv/private/thing.onnx',
    windows: 'C:\\Users\\jane\\model.onnx',
    pem: '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----',
  };
  const leaks = [
    'Zm9vYmFy',
    'plain-shared',
    'abc.def',
    'dXNlcjpw',
    'eyJ',
    'AKIA',
    's3cr3t',
    'json-t0ken',
    'hunter2',
    'jane',
    'private.onnx',
    'tmp',
    'srv',
    'MC4CAQ',
  ];
  const options = { secrets: [planted.preShared, undefined, 'ab'] };

  it.each(Object.entries(planted))('finds nothing of a planted %s in any field, message or stack', (_name, secret) => {
    const text = `expected a model, found ${secret} there`;
    const fault = new Error(text);
    const lines = linesOf((log) => {
      for (const field of ['error_message', 'object_key', 'model_filename', 'user_id', 'route', 'status', 'url']) {
        log.error('jobs.failed', { [field]: text });
        log.error('jobs.failed', { [field]: `x\n${text}` });
        log.error('jobs.failed', { [field]: secret });
      }
      log.error('jobs.failed', { details: { stack: fault.stack! } });
      log.error('jobs.failed', { [secret]: 'x' });
      log.error(`jobs.${secret}`);
      log.forNest().error(fault);
      log.forNest().error(text, fault.stack, 'X');
      log.forNest().warn({ [secret]: secret }, secret);
    }, options);
    expect(lines.length).toBeGreaterThan(25);
    const output = lines.flatMap((line) => Object.values(line).map((value) => JSON.stringify(value))).join();
    expect(leaks.filter((leak) => output.includes(leak))).toEqual([]);
  });

  it('leaves what is not private as it is', () => {
    const [line] = linesOf((log) =>
      log.info('result.success', {
        object_key: 'tenants/acme/jobs/0193/output/out.nef',
        route: '/api/v1/jobs/:id',
        url: 'http://127.0.0.1:3000/api',
        mimetype: 'application/zip',
        scope: 'files:upload.write',
        model_filename: 'cls_infer.onnx',
        error_message: 'expected 3 of 4 inputs and/or a "name", found 2',
      }),
    );
    expect(line).toMatchObject({
      object_key: 'tenants/acme/jobs/0193/output/out.nef',
      route: '/api/v1/jobs/:id',
      url: 'http://127.0.0.1:3000/api',
      mimetype: 'application/zip',
      scope: 'files:upload.write',
      model_filename: 'cls_infer.onnx',
      error_message: 'expected 3 of 4 inputs and/or a "name", found 2',
    });
  });
});
