import { validated } from '../../http/validation.js';
import { jobRequest, plainFields, SubmitJobDto } from './submit-job.dto.js';

const LEAST = { platform: ['520'], user_id: ['u-1'] };

const requestOf = (fields: Record<string, string[]>) => jobRequest(validated(SubmitJobDto, plainFields(fields)));

const faultsOf = (fields: Record<string, string[]>) => {
  try {
    requestOf({ ...LEAST, ...fields });
  } catch (error) {
    return (error as { details: { pointer: string; code: string }[] }).details;
  }
  return [];
};

describe('the fields of a submission', () => {
  it('have presets', () => {
    expect(requestOf(LEAST)).toEqual({ platform: '520', user_id: 'u-1', labels: [], priority: 'normal' });
  });

  it('take everything the API offers', () => {
    const fields = {
      ...LEAST,
      project: ['p-1'],
      client_reference: ['order 66/ü'],
      labels: ['a', 'b'],
      'labels[]': ['b', 'team:x'],
      priority: ['high'],
      preprocess: ['{"resize":"letterbox","pad_value":114,"crop":{"x":0,"y":1,"w":2,"h":3},"normalize":"yolo"}'],
      input_shapes: ['{"x":[1,3,48,192]}'],
    };
    expect(requestOf(fields)).toEqual({
      platform: '520',
      user_id: 'u-1',
      project: 'p-1',
      client_reference: 'order 66/ü',
      labels: ['a', 'b', 'team:x'],
      priority: 'high',
      preprocess: { resize: 'letterbox', padValue: 114, crop: { x: 0, y: 1, w: 2, h: 3 }, normalize: 'yolo' },
      input_shapes: { x: [1, 3, 48, 192] },
    });
  });

  it('take an empty value as none', () => {
    expect(requestOf({ ...LEAST, project: [''], preprocess: [''] })).not.toHaveProperty('project');
  });

  it.each([
    ['platform', '521', '/platform'],
    ['user_id', ' u', '/user_id'],
    ['user_id', 'a\u0000b', '/user_id'],
    ['user_id', 'x'.repeat(257), '/user_id'],
    ['project', 'a b', '/project'],
    ['labels', 'a b', '/labels'],
    ['priority', 'urgent', '/priority'],
    ['preprocess', '{', '/preprocess'],
    ['preprocess', '[]', '/preprocess'],
    ['preprocess', '"x"', '/preprocess'],
    ['preprocess', '{"padValue":1}', '/preprocess/padValue'],
    ['preprocess', '{"pad_value":256}', '/preprocess/pad_value'],
    ['preprocess', '{"crop":{"x":0,"y":0,"w":0,"h":1}}', '/preprocess/crop/w'],
    ['preprocess', '{"normalize":{"mean":[1,2,3],"std":[1,0,1]}}', '/preprocess/normalize'],
    ['input_shapes', '{"x":[1,0]}', '/input_shapes'],
    ['input_shapes', '[[1]]', '/input_shapes'],
    ['model', 'text', '/model'],
  ])('refuse %s = %j and point at it', (name, value, pointer) => {
    expect(new Set(faultsOf({ [name]: [value] }).map((fault) => fault.pointer))).toEqual(new Set([pointer]));
  });

  it('do not let a field named __proto__ reach a prototype', () => {
    const fields = JSON.parse('{"platform":["520"],"user_id":["u"],"__proto__":["x"]}') as Record<string, string[]>;
    expect(() => requestOf(fields)).not.toThrow();
    expect(requestOf(fields)).toEqual({ platform: '520', user_id: 'u', labels: [], priority: 'normal' });
  });

  it('refuse a field that comes twice', () => {
    expect(faultsOf({ platform: ['520', '720'] })).toMatchObject([{ pointer: '/platform', code: 'repeated' }]);
  });
});
