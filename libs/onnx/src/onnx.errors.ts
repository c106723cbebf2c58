import { CodedError } from '#libs/kernel';

/** Who can mend it: the caller (`user`), nobody with this driver (`unsupported`), us (`internal`). */
export type OnnxErrorClass = 'user' | 'unsupported' | 'internal';

const classes = {
  'ONNX.EMPTY_FILE': 'user',
  'ONNX.NOT_ONNX': 'user',
  'ONNX.TRUNCATED': 'user',
  'ONNX.INVALID_GRAPH': 'user',
  'ONNX.UNSUPPORTED_OP': 'unsupported',
  'ONNX.CUSTOM_DOMAIN': 'unsupported',
  'ONNX.EXTERNAL_DATA': 'unsupported',
  'ONNX.ALREADY_QUANTIZED': 'unsupported',
  'ONNX.UNSUPPORTED_OPSET': 'unsupported',
  'ONNX.UNSUPPORTED_TYPE': 'unsupported',
  'ONNX.SHAPE_REQUIRED': 'user',
  'ONNX.INPUT_MISMATCH': 'user',
  'ONNX.NOTHING_TO_QUANTIZE': 'unsupported',
  'ONNX.IMAGE_REJECTED': 'user',
  'ONNX.PREPROCESS_MISMATCH': 'user',
  'ONNX.RUNTIME': 'internal',
} as const satisfies Record<string, OnnxErrorClass>;

export type OnnxErrorCode = keyof typeof classes;

/** Something to say about a model before or while it is converted. */
export interface Issue {
  code: string;
  severity: 'error' | 'warning' | 'info';
  message: string;
  /** The node, tensor or input it is about. */
  where?: string;
  hint?: string;
}

export interface OnnxErrorPlace {
  /** The node, tensor or input at fault. */
  where?: string;
  hint?: string;
  cause?: unknown;
}

export class OnnxError extends CodedError<OnnxErrorCode> {
  readonly errorClass: OnnxErrorClass;
  readonly where: string | undefined;
  readonly hint: string | undefined;

  constructor(code: OnnxErrorCode, message: string, place: OnnxErrorPlace = {}) {
    super(code, message, { cause: place.cause });
    this.errorClass = classes[code];
    this.where = place.where;
    this.hint = place.hint;
  }
}

/** The same fault, as an entry of a list. */
export function issueOf(error: OnnxError): Issue {
  return {
    code: error.code,
    severity: 'error',
    message: error.message,
    ...(error.where === undefined ? {} : { where: error.where }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}
