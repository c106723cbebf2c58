import type { ConversionRequest, Issue, QuantizationOptions } from '../../driver/driver.types.js';

/** The vendor's advice for calibration. */
const ADVISED_REFERENCES = 100;
const RESERVED_MODEL_IDS = 32_767;

/** What each option may be here; an option that is not listed is the toolchain's alone. */
export const OPTIONS = {
  datapath: ['int8', 'int16'],
  weight: ['int8'],
  range: ['minmax', 'percentage', 'mse'],
  scheme: ['asymmetric', 'symmetric', 'symmetric-pow2'],
  perChannel: [true, false],
} satisfies Partial<Record<keyof QuantizationOptions, unknown[]>>;

/** Options with values of their own kind. */
const FREE = ['percentage', 'threads', 'excludeNodes'];

/** What is wrong or worth knowing about a request, the model's content aside. */
export function requestIssues(request: ConversionRequest): Issue[] {
  return [
    ...optionIssues(request),
    ...modelConfigIssues(request.modelConfig),
    ...referenceIssues(request),
    ...normalizerIssues(request),
  ];
}

function optionIssues({ quantization, want, modelConfig }: ConversionRequest): Issue[] {
  const issues: Issue[] = [];
  for (const [option, value] of Object.entries(quantization)) {
    if (value === undefined || FREE.includes(option)) continue;
    const allowed: readonly unknown[] | undefined = OPTIONS[option as keyof typeof OPTIONS];
    if (!allowed?.includes(value)) issues.push(notSupported(`quantization.${option}`, value, allowed));
  }
  const { percentage, range, datapath } = quantization;
  if (percentage !== undefined && (range !== 'percentage' || !(percentage > 0 && percentage <= 1))) {
    issues.push(notSupported('quantization.percentage', percentage, ['0..1 with range percentage']));
  }
  if (datapath === 'int16' && modelConfig.platform === '520') {
    issues.push(notSupported('quantization.datapath', 'int16 on platform 520', ['int8']));
  }
  if (want.includes('compile')) issues.push(notSupported('want', 'compile', ['evaluate', 'quantize']));
  return issues;
}

function notSupported(where: string, value: unknown, allowed: readonly unknown[] | undefined): Issue {
  const hint = allowed ? { hint: `the reference driver takes ${allowed.map(String).join(', ')}` } : {};
  return {
    code: 'option_not_supported',
    severity: 'error',
    message: `the reference driver does not support ${where} = ${JSON.stringify(value)}`,
    where,
    ...hint,
  };
}

function modelConfigIssues({ id, version }: ConversionRequest['modelConfig']): Issue[] {
  const issues: Issue[] = [];
  if (!Number.isInteger(id) || id < 1 || id > 65_535) {
    issues.push({ code: 'model_id_invalid', severity: 'error', message: `model id ${id} is not in 1..65535` });
  } else if (id <= RESERVED_MODEL_IDS) {
    issues.push({
      code: 'model_id_reserved',
      severity: 'warning',
      message: `model id ${id} is in the range the vendor reserves (up to ${RESERVED_MODEL_IDS})`,
    });
  }
  if (!/^[0-9a-fA-F]{4}$/.test(version)) {
    issues.push({
      code: 'model_version_invalid',
      severity: 'error',
      message: `model version ${JSON.stringify(version)} is not four hex digits`,
    });
  }
  return issues;
}

function referenceIssues({ inputs, references }: ConversionRequest): Issue[] {
  if (references.length === 0) {
    return [
      {
        code: 'no_reference_images',
        severity: 'warning',
        message: 'no reference images: calibrated on a seeded synthetic range, the verdict is never better than review',
        hint: `send at least ${ADVISED_REFERENCES} images like those the model will see`,
      },
    ];
  }
  const counts = new Map(inputs.map((input) => [input.name, 0]));
  const strangers = new Set<string>();
  for (const { input } of references) {
    const count = counts.get(input);
    if (count === undefined) strangers.add(input);
    else counts.set(input, count + 1);
  }
  if (inputs.length > 0 && (strangers.size > 0 || new Set(counts.values()).size > 1)) {
    return [countMismatch(counts, strangers)];
  }
  const sets = references.length / Math.max(1, inputs.length);
  if (sets >= ADVISED_REFERENCES) return [];
  return [
    {
      code: 'few_reference_images',
      severity: 'info',
      message: `${sets} reference images; the vendor advises at least ${ADVISED_REFERENCES}`,
    },
  ];
}

function countMismatch(counts: Map<string, number>, strangers: Set<string>): Issue {
  const found = [...counts].map(([name, count]) => `${name}: ${count}`).join(', ');
  return {
    code: 'input_mismatch',
    severity: 'error',
    message:
      strangers.size > 0
        ? `reference images name ${JSON.stringify([...strangers])}, the model's inputs are ${JSON.stringify([...counts.keys()])}`
        : `every input needs the same number of reference images, found ${found}`,
    hint: 'name the input of each image',
  };
}

/** How the device's own normalisation differs from the formula the reference applies. */
const DEVICE_NOTE: Record<string, string> = {
  tensorflow: 'the device computes v/128 - 1 instead of v/127.5 - 1',
  yolo: 'the device computes v/256 instead of v/255',
  pytorch: 'the device has no equivalent of this normalisation',
  caffe: 'the device has no equivalent of this normalisation',
};

function normalizerIssues({ inputs }: ConversionRequest): Issue[] {
  return inputs.flatMap(({ name, preprocess: { normalize } }) => {
    const note = typeof normalize === 'string' ? DEVICE_NOTE[normalize] : undefined;
    if (note === undefined) return [];
    return [{ code: 'normalizer_differs', severity: 'warning' as const, message: note, where: name }];
  });
}
