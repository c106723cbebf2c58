import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SettingsReader, type SettingRow } from '#libs/kernel';
import { TENANT_PATTERN } from '#libs/ledger';

/** Of the command line, which may share a shell with the server. */
const OF_THE_CLI = ['ASSAY_SERVER', 'ASSAY_API_KEY', 'ASSAY_TOKEN'];
const ROLES = ['api', 'worker', 'ledger'] as const;
type Role = (typeof ROLES)[number];

const MIB = 1024 * 1024;

/** What is fixed at start, from the environment. Injected by this class. */
export class Settings {
  readonly port: number;
  readonly dataDir: string;
  readonly roles: readonly Role[];
  readonly origin: string;
  readonly env: string;
  readonly mongodbUri: string | undefined;
  readonly objectStoreUrl: string;
  readonly trustProxy: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly logSampleRate: number;
  readonly logSourceIp: 'full' | 'masked' | 'off';
  /** File of the operator's key; undefined: this process enables none. */
  readonly operatorKeyFile: string | undefined;
  readonly apiKey: { value: string | undefined; clientId: string; tenant: string };
  readonly jobs: { maxModelBytes: number; maxImages: number; maxImageBytes: number; requireRefImages: boolean };
  readonly conversion: {
    workers: number;
    cpus: number;
    leaseMs: number;
    heartbeatMs: number;
    timeLimitMs: number;
    memoryLimitBytes: number;
    maxAttempts: number;
    verdict: { goodSnrDb: number; reviewSnrDb: number };
  };
  readonly results: { timeoutMs: number };
  readonly faa: {
    url: string | undefined;
    tokenUrl: string | undefined;
    clientId: string | undefined;
    clientSecret: string | undefined;
    scope: string;
    timeoutMs: number;
  };
  readonly metricsEnabled: boolean;
  readonly audit: {
    signingKey: string | undefined;
    hotRetentionDays: number;
    /** Days, or `<tenant>=<days>`; 0 for ever (audit/retention/retention-days.ts). */
    retentionDays: readonly string[];
    archive: { enabled: boolean; hourUtc: number };
    eventSignatureTenants: readonly string[];
    verifyThreads: number;
    verifyHours: number;
    openTenants: readonly string[];
    anchors: {
      url: string | undefined;
      accessKey: string | undefined;
      secretKey: string | undefined;
      retainDays: number;
      witnessPolicy: string | undefined;
      tsaUrl: string | undefined;
      tsaCa: string | undefined;
      minutes: number;
    };
    cold: {
      url: string | undefined;
      endpoint: string | undefined;
      region: string | undefined;
      bucket: string | undefined;
      accessKey: string | undefined;
      secretKey: string | undefined;
      sse: 'off' | 'AES256' | 'aws:kms';
      lock: 'off' | 'governance' | 'compliance';
      retainDays: number;
      encrypt: boolean;
      copyUrl: string | undefined;
      copyAccessKey: string | undefined;
      copySecretKey: string | undefined;
    };
  };
  /** Every setting as read, redacted: the line printed at start, and the reference table. */
  readonly rows: readonly SettingRow[];

  /** Throws SETTINGS.INVALID naming every faulty variable. */
  constructor(env: Record<string, string | undefined>) {
    const read = new SettingsReader(env);
    this.port = read.integer('PORT', { preset: 3000, min: 0, max: 65_535, what: 'TCP port; 0 takes a free one' });
    this.dataDir = resolve(
      read.text('ASSAY_DATA_DIR', { preset: './data', what: 'folder of the embedded stores, keys and marks' }),
    );
    this.roles = read.listOf('ASSAY_ROLES', ROLES, { preset: ROLES, what: 'what this process does' });
    this.origin = read.text('ASSAY_ORIGIN', {
      preset: 'assay.local',
      what: 'name of this deployment in every ledger; never changes once a ledger exists',
    });
    this.env = read.text('ASSAY_ENV', { preset: 'local', what: 'name of the environment in events and logs' });
    this.mongodbUri = read.text('MONGODB_URI', {
      preset: undefined,
      secret: true,
      what: 'database; absent: the embedded engine in the data folder',
    });
    this.objectStoreUrl = read.text('OBJECT_STORE_URL', {
      preset: pathToFileURL(resolve(this.dataDir, 'objects')).href,
      secret: true,
      what: '`file:///<folder>` or `s3://<bucket>/<prefix>?endpoint=…`; preset: `objects` in the data folder',
    });
    this.trustProxy = read.flag('TRUST_PROXY', { preset: false, what: 'take the source address from the proxy' });
    this.logLevel = read.oneOf('LOG_LEVEL', ['debug', 'info', 'warn', 'error'], {
      preset: 'info',
      what: 'least level',
    });
    this.logSampleRate = read.number('LOG_SAMPLE_RATE', {
      preset: 0.01,
      min: 0,
      max: 1,
      what: 'share of successful reads that are logged',
    });
    this.logSourceIp = read.oneOf('LOG_SOURCE_IP', ['full', 'masked', 'off'], {
      preset: 'masked',
      what: 'how source addresses are logged; masked cuts to /24 and /48',
    });
    this.metricsEnabled = read.flag('METRICS_ENABLED', {
      preset: false,
      what: 'answer `/_metrics` and `/metrics` to a key that holds `obs:read`',
    });
    this.apiKey = apiKeySettings(read);
    const ownKeyFile = this.mongodbUri === undefined ? join(this.dataDir, 'operator.key') : undefined;
    this.operatorKeyFile =
      read.text('ASSAY_OPERATOR_KEY_FILE', {
        preset: undefined,
        what: "file of the operator's key, made where there is none, the same for all processes that name one; absent: `operator.key` in the data folder, and none with `MONGODB_URI`",
      }) ?? ownKeyFile;
    this.jobs = jobSettings(read);
    this.conversion = conversionSettings(read);
    this.results = {
      timeoutMs: read.integer('RESULT_TIMEOUT_MS', {
        preset: 300_000,
        min: 1_000,
        max: 3_600_000,
        what: 'longest download, milliseconds',
      }),
    };
    this.faa = fileArchiveSettings(read);
    this.audit = {
      signingKey: read.text('AUDIT_SIGNING_KEY', {
        preset: undefined,
        secret: true,
        what: 'secret of at least 32 bytes that HMAC keys are derived from, or a JSON array of them, the current first; absent: made once in the data folder',
      }),
      hotRetentionDays: read.integer('AUDIT_HOT_RETENTION_DAYS', {
        preset: 90,
        min: 1,
        max: 3_650,
        what: 'days an event stays in the database; one older than half of it is refused',
      }),
      archive: {
        enabled: read.flag('ARCHIVE_ENABLED', {
          preset: false,
          what: 'move events past `AUDIT_HOT_RETENTION_DAYS` to the archive once a day, in the role `ledger`',
        }),
        hourUtc: read.integer('AUDIT_ARCHIVE_HOUR_UTC', {
          preset: 3,
          min: 0,
          max: 23,
          what: 'hour of the day (UTC) from which that is done',
        }),
      },
      retentionDays: read.listOf('AUDIT_RETENTION_DAYS', /^(?:[a-z0-9][a-z0-9-]{0,39}=)?\d{1,5}$/, {
        preset: ['0'],
        what: 'days that archived events are kept, also `<tenant>=<days>`, such as `3650,acme=365`; 0: for ever',
      }),
      eventSignatureTenants: read.listOf('AUDIT_EVENT_SIGNATURES', TENANT_PATTERN, {
        preset: [],
        what: 'tenants whose events are signed one by one',
      }),
      verifyThreads: read.integer('AUDIT_VERIFY_THREADS', {
        preset: 0,
        min: 0,
        max: 64,
        what: 'threads that verify; 0: one less than there are cores, at least one',
      }),
      verifyHours: read.integer('AUDIT_VERIFY_HOURS', {
        preset: 24,
        min: 1,
        max: 8_760,
        what: 'every ledger is verified in the background within so many hours',
      }),
      openTenants: read.listOf('AUDIT_OPEN_TENANTS', TENANT_PATTERN, {
        preset: [],
        what: 'tenants whose ledger anyone may read under `/tlog`',
      }),
      anchors: anchorSettings(read),
      cold: coldSettings(read),
    };
    this.rows = read.rows;
    read.finish(['ASSAY_', 'AUDIT_', 'ARCHIVE_'], OF_THE_CLI);
    Object.freeze(this);
  }
}

function apiKeySettings(read: SettingsReader): Settings['apiKey'] {
  return {
    value: read.text('CONVERTER_API_KEY', { preset: undefined, secret: true, what: 'one pre-shared API key' }),
    clientId: read.text('CONVERTER_API_KEY_CLIENT_ID', { preset: 'visionA-service', what: 'client id of that key' }),
    tenant: read.text('CONVERTER_API_KEY_TENANT', { preset: 'default', what: 'tenant of that key' }),
  };
}

function anchorSettings(read: SettingsReader): Settings['audit']['anchors'] {
  return {
    url: read.text('AUDIT_ANCHOR_URL', {
      preset: undefined,
      secret: true,
      what: 'object store in another trust domain that keeps copies of checkpoints and tiles, as `OBJECT_STORE_URL`',
    }),
    accessKey: read.text('AUDIT_ANCHOR_ACCESS_KEY', {
      preset: undefined,
      what: 'access key there; absent: the credentials of the environment',
    }),
    secretKey: read.text('AUDIT_ANCHOR_SECRET_KEY', { preset: undefined, secret: true, what: 'secret key there' }),
    retainDays: read.integer('AUDIT_ANCHOR_RETAIN_DAYS', {
      preset: 3_650,
      min: 0,
      max: 36_500,
      what: 'days that an anchored object can be neither deleted nor replaced, where the bucket has Object Lock',
    }),
    witnessPolicy: read.text('AUDIT_WITNESS_POLICY', {
      preset: undefined,
      what: 'file (C2SP tlog-policy) with the witnesses, their URLs and the quorum',
    }),
    tsaUrl: read.text('AUDIT_TSA_URL', { preset: undefined, what: 'time-stamping authority (RFC 3161)' }),
    tsaCa: read.text('AUDIT_TSA_CA', {
      preset: undefined,
      what: 'PEM file with the certificates that its chain must lead to',
    }),
    minutes: read.number('AUDIT_ANCHOR_MINUTES', {
      preset: 60,
      min: 0.01,
      max: 10_080,
      what: 'how often the newest checkpoint of each ledger is anchored, minutes',
    }),
  };
}

function coldSettings(read: SettingsReader): Settings['audit']['cold'] {
  const text = (name: string, what: string) => read.text(name, { preset: undefined, what });
  const secret = (name: string, what: string) => read.text(name, { preset: undefined, secret: true, what });
  return {
    url: secret(
      'AUDIT_COLD_URL',
      'object store of archived events, as `OBJECT_STORE_URL`, or `AUDIT_COLD_BUCKET`; neither: `cold` in the data folder',
    ),
    endpoint: text('AUDIT_COLD_ENDPOINT', 'S3 endpoint of `AUDIT_COLD_BUCKET`, http(s); absent: that of AWS'),
    region: text('AUDIT_COLD_REGION', 'region of `AUDIT_COLD_BUCKET`; absent: us-east-1'),
    bucket: text('AUDIT_COLD_BUCKET', 'bucket of archived events, with a prefix after a slash where wanted'),
    accessKey: text('AUDIT_COLD_ACCESS_KEY', 'access key there; absent: the credentials of the environment'),
    secretKey: secret('AUDIT_COLD_SECRET_KEY', 'secret key there'),
    sse: read.oneOf('AUDIT_COLD_SSE', ['off', 'AES256', 'aws:kms'], {
      preset: 'off',
      what: 'encryption by the bucket, asked for with each object, also of the copy',
    }),
    lock: read.oneOf('AUDIT_COLD_LOCK', ['off', 'governance', 'compliance'], {
      preset: 'off',
      what: 'mode in which each archived object is locked, also in the copy; needs `AUDIT_COLD_RETAIN_DAYS`, and a bucket Object Lock',
    }),
    retainDays: read.integer('AUDIT_COLD_RETAIN_DAYS', {
      preset: 0,
      min: 0,
      max: 36_500,
      what: 'days that it is locked, from when it was archived; needs `AUDIT_COLD_LOCK`',
    }),
    encrypt: read.flag('AUDIT_COLD_ENCRYPT', {
      preset: false,
      what: 'encrypt archived events before they leave this process (AES-256-GCM, keys in `keys/archive.ring`)',
    }),
    copyUrl: secret('AUDIT_COLD_COPY_URL', 'second object store, elsewhere, that is kept in step with the first'),
    copyAccessKey: text('AUDIT_COLD_COPY_ACCESS_KEY', 'access key there; absent: the credentials of the environment'),
    copySecretKey: secret('AUDIT_COLD_COPY_SECRET_KEY', 'secret key there'),
  };
}

function jobSettings(read: SettingsReader): Settings['jobs'] {
  return {
    maxModelBytes: read.integer('ASSAY_MAX_MODEL_BYTES', {
      preset: 500 * MIB,
      min: 1,
      max: 2 ** 31 - 1,
      what: 'largest model, bytes',
    }),
    maxImages: read.integer('ASSAY_MAX_REF_IMAGES', { preset: 100, min: 0, max: 10_000, what: 'most images of a job' }),
    maxImageBytes: read.integer('ASSAY_MAX_REF_IMAGE_BYTES', {
      preset: 10 * MIB,
      min: 1,
      max: 1024 * MIB,
      what: 'largest reference image, bytes',
    }),
    requireRefImages: read.flag('ASSAY_REQUIRE_REF_IMAGES', {
      preset: false,
      what: 'refuse a job without reference images',
    }),
  };
}

function conversionSettings(read: SettingsReader): Settings['conversion'] {
  const goodSnrDb = read.number('ASSAY_VERDICT_GOOD_DB', {
    preset: 20,
    min: 0,
    max: 200,
    what: 'least signal-to-noise ratio of the worst output for the verdict `good`, dB',
  });
  return {
    workers: read.integer('ASSAY_WORKERS', { preset: 1, min: 1, max: 64, what: 'conversions at once' }),
    cpus: read.integer('ASSAY_CONVERSION_CPUS', { preset: 2, min: 1, max: 64, what: 'threads of one conversion' }),
    leaseMs: read.integer('ASSAY_TASK_LEASE_MS', {
      preset: 15_000,
      min: 1_000,
      max: 600_000,
      what: 'how long a worker may be silent before its task is given to another, milliseconds',
    }),
    heartbeatMs: read.integer('ASSAY_TASK_HEARTBEAT_MS', {
      preset: 3_000,
      min: 100,
      max: 300_000,
      what: 'how often a worker renews its task, milliseconds',
    }),
    timeLimitMs: read.integer('ASSAY_TASK_TIME_LIMIT_MS', {
      preset: 900_000,
      min: 1_000,
      max: 86_400_000,
      what: 'longest conversion, milliseconds',
    }),
    memoryLimitBytes: read.integer('ASSAY_TASK_MEMORY_LIMIT_BYTES', {
      preset: 4096 * MIB,
      min: 64 * MIB,
      max: 1024 * 1024 * MIB,
      what: 'most resident memory of one conversion, bytes',
    }),
    maxAttempts: read.integer('ASSAY_TASK_MAX_ATTEMPTS', {
      preset: 3,
      min: 1,
      max: 20,
      what: 'attempts before a task is a dead letter',
    }),
    verdict: {
      goodSnrDb,
      reviewSnrDb: read.number('ASSAY_VERDICT_REVIEW_DB', {
        preset: Math.min(10, goodSnrDb),
        min: 0,
        max: goodSnrDb,
        what: 'least for `review`, dB, at most that of `good`; below it the verdict is `poor`',
      }),
    },
  };
}

function fileArchiveSettings(read: SettingsReader): Settings['faa'] {
  return {
    url: read.text('FAA_URL', { preset: undefined, what: "the organisation's file archive; absent: no promotion" }),
    tokenUrl: read.text('FAA_TOKEN_URL', { preset: undefined, what: 'its OAuth 2 token endpoint' }),
    clientId: read.text('FAA_CLIENT_ID', { preset: undefined, what: 'client id there' }),
    clientSecret: read.text('FAA_CLIENT_SECRET', { preset: undefined, secret: true, what: 'client secret there' }),
    scope: read.text('FAA_SCOPE', { preset: 'files:upload.write', what: 'scope asked for' }),
    timeoutMs: read.integer('FAA_TIMEOUT_MS', {
      preset: 60_000,
      min: 100,
      max: 3_600_000,
      what: 'longest upload, milliseconds',
    }),
  };
}
