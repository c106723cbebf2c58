import { defaultPreprocess, inspectModel, type DeclaredPort } from '#libs/onnx';
import type { ConversionInput } from '../conversion.types.js';
import type { ConversionRequest, QuantizationOptions } from '../driver/driver.types.js';
import type { ChildOrder } from './child.types.js';

type Named = Omit<ConversionInput, 'model' | 'references'>;

const QUANTIZATION: QuantizationOptions = { datapath: 'int8', weight: 'int8', range: 'minmax' };
/** Ids up to 32767 are the vendor's own. */
const FIRST_USER_MODEL_ID = 32_768;

/** The request a task means, and where its files lie in this child. */
export function conversionRequest(order: Extract<ChildOrder, { t: 'convert' }>): ConversionRequest {
  const { input, files } = order;
  const { inputs: ports } = inspectModel(files.model, { shapes: input.input_shapes ?? {} });
  return {
    ...requestOf(input, ports),
    jobId: order.jobId,
    ...(order.verdict && { verdict: order.verdict }),
    model: { path: files.model, sha256: input.model.sha256, bytes: input.model.bytes, name: 'model.onnx' },
    references: input.references.map((reference, index) => ({
      path: files.references[index]!,
      sha256: reference.sha256,
      input: reference.input ?? soleName(ports),
    })),
  };
}

/** The request a submission would become. Nothing is known of its files but where the model lies. */
export function preflightRequest(order: Extract<ChildOrder, { t: 'preflight' }>): {
  request: ConversionRequest;
  ports: DeclaredPort[];
} {
  const { inputs: ports } = inspectModel(order.model, { shapes: order.input.input_shapes ?? {} });
  const request = {
    ...requestOf({ ...order.input, platform: order.platform }, ports),
    jobId: '',
    model: { path: order.model, sha256: '', bytes: 0, name: 'model.onnx' },
    references: order.input.references.map((input) => ({ path: '', sha256: '', input: input ?? soleName(ports) })),
  };
  return { request, ports };
}

function requestOf(input: Named, ports: DeclaredPort[]): Omit<ConversionRequest, 'jobId' | 'model' | 'references'> {
  return {
    modelConfig: {
      id: input.model_config?.id ?? FIRST_USER_MODEL_ID,
      version: input.model_config?.version ?? '0001',
      platform: input.platform,
    },
    inputs: ports.map((port) => requestInput(port, input)),
    quantization: { ...QUANTIZATION, ...input.quantization },
    want: ['evaluate', 'quantize'],
    verifyImages: 0,
    layerReport: true,
  };
}

function requestInput(port: DeclaredPort, input: Named): ConversionRequest['inputs'][number] {
  const shape = input.input_shapes?.[port.name] ?? port.shape.map((size, axis) => fixedSize(size, axis));
  const layout = layoutOf(shape);
  const channels = layout === 'NCHW' ? shape[1] : shape[3];
  const preprocess = {
    ...defaultPreprocess,
    ...(channels === 1 ? { channels: 'L' as const } : {}),
    ...input.preprocess,
  };
  return { name: port.name, shape, layout, preprocess };
}

/** An open batch is one image; any other open size stays 0, which `check` reports as `shape_required`. */
function fixedSize(size: number | string | null, axis: number): number {
  if (typeof size === 'number') return size;
  return axis === 0 ? 1 : 0;
}

function layoutOf(shape: readonly number[]): 'NCHW' | 'NHWC' {
  const isChannels = (size: number | undefined) => size === 1 || size === 3 || size === 4;
  return shape.length === 4 && !isChannels(shape[1]) && isChannels(shape[3]) ? 'NHWC' : 'NCHW';
}

/** Where a model has one input, a reference need not name it. */
function soleName(ports: readonly DeclaredPort[]): string {
  return ports.length === 1 ? ports[0]!.name : '';
}
