/** The configuration of a Qwen2-VL or Qwen2.5-VL checkpoint, read from config.json in either of its spellings. */
import { Fault } from '#models/base/fault.ts';

export interface VisionConfig {
  readonly depth: number;
  /** Inner width D. */
  readonly width: number;
  readonly heads: number;
  readonly mlpWidth: number;
  readonly channels: number;
  readonly patchSize: number;
  readonly temporalPatchSize: number;
  readonly mergeSize: number;
  /** Pixels; attention stays inside windows of this side except in `fullAttentionBlocks`. Absent in Qwen2-VL: every block sees its whole frame. */
  readonly windowSize: number | null;
  readonly fullAttentionBlocks: readonly number[];
  /** Positions on the time axis per second of video; null in Qwen2-VL, which counts frames. */
  readonly tokensPerSecond: number | null;
}

export interface QwenVlConfig {
  readonly family: 'qwen2_vl' | 'qwen2_5_vl';
  readonly hiddenSize: number;
  readonly mlpWidth: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headWidth: number;
  readonly vocabularySize: number;
  readonly tiedHead: boolean;
  readonly normEpsilon: number;
  readonly ropeTheta: number;
  /** How many frequency pairs turn with time, row and column; they add up to half the head width. */
  readonly mropeSection: readonly [number, number, number];
  readonly maxPositions: number;
  readonly vision: VisionConfig;
  readonly tokens: {
    readonly visionStart: number;
    readonly visionEnd: number;
    readonly image: number;
    readonly video: number;
  };
}

/** Numbers in one patch: all channels of all its frames, C·T·S·S. */
export const patchWidth = ({ vision: { channels, temporalPatchSize, patchSize } }: QwenVlConfig): number => channels * temporalPatchSize * patchSize * patchSize;

type Fields = Readonly<Record<string, unknown>>;

const refuse = (why: string, code = 'config.invalid'): Fault =>
  new Fault({ code, what: 'The model cannot be used: its config.json is not one that Loupe understands.', why, mend: 'Take a Qwen2-VL or Qwen2.5-VL checkpoint folder as published on a model hub, unchanged.' });

const isFields = (x: unknown): x is Fields => typeof x === 'object' && x !== null && !Array.isArray(x);

/** Reads fields of one object, refusing what is missing, of another type or absurd. */
function reader(fields: Fields, place: string) {
  const integer = (name: string, low: number, high: number, otherwise?: number): number => {
    const x = fields[name] ?? otherwise;
    if (typeof x !== 'number' || !Number.isInteger(x) || x < low || x > high) throw refuse(`${place}${name} is ${JSON.stringify(fields[name])}, which is not an integer from ${low} to ${high}.`);
    return x;
  };
  const number = (name: string, otherwise: number): number => {
    const x = fields[name] ?? otherwise;
    if (typeof x !== 'number' || !(x > 0) || !Number.isFinite(x)) throw refuse(`${place}${name} is ${JSON.stringify(fields[name])}, which is not a positive number.`);
    return x;
  };
  return { integer, number };
}

/** @throws Fault `config.invalid` or `config.unsupported` */
export function parseConfig(json: unknown): QwenVlConfig {
  if (!isFields(json)) throw refuse('It does not hold a JSON object.');
  const family = json['model_type'];
  if (family !== 'qwen2_vl' && family !== 'qwen2_5_vl') throw refuse(`model_type is ${JSON.stringify(family)}; only qwen2_vl and qwen2_5_vl are supported.`, 'config.unsupported');
  const decoder = isFields(json['text_config']) ? { ...json, ...json['text_config'] } : json;
  const vision = json['vision_config'];
  if (!isFields(vision)) throw refuse('vision_config is missing, so there is no vision tower.');

  const text = reader(decoder, '');
  const hiddenSize = text.integer('hidden_size', 8, 65536);
  const heads = text.integer('num_attention_heads', 1, 1024);
  const kvHeads = text.integer('num_key_value_heads', 1, 1024, heads);
  const headWidth = text.integer('head_dim', 2, 1024, hiddenSize / heads);
  if (heads % kvHeads !== 0) throw refuse(`${heads} attention heads cannot share ${kvHeads} key-value heads evenly.`);
  if (headWidth % 2 !== 0) throw refuse(`the head width ${headWidth} is odd, which rotary positions do not allow.`);
  if ((decoder['hidden_act'] ?? 'silu') !== 'silu') throw refuse(`hidden_act is ${JSON.stringify(decoder['hidden_act'])}; only silu is supported.`, 'config.unsupported');
  if (decoder['use_sliding_window'] === true) throw refuse('it asks for sliding-window attention.', 'config.unsupported');

  const rope = [decoder['rope_parameters'], decoder['rope_scaling']].find(isFields) ?? {};
  const ropeType = rope['rope_type'] ?? rope['type'] ?? 'default';
  if (ropeType !== 'mrope' && ropeType !== 'default') throw refuse(`the rotary scaling ${JSON.stringify(ropeType)} is not supported; mrope and default are.`, 'config.unsupported');
  const section = rope['mrope_section'];
  if (!Array.isArray(section) || section.length !== 3 || !section.every((x) => Number.isInteger(x) && (x as number) >= 0) || section.reduce((a: number, b) => a + (b as number), 0) !== headWidth / 2) {
    throw refuse(`mrope_section is ${JSON.stringify(section)}; it must be three counts that add up to half the head width, ${headWidth / 2}.`);
  }

  return {
    family, hiddenSize, heads, kvHeads, headWidth,
    mlpWidth: text.integer('intermediate_size', 1, 1 << 20),
    layers: text.integer('num_hidden_layers', 1, 512),
    vocabularySize: text.integer('vocab_size', 2, 1 << 21),
    tiedHead: (json['tie_word_embeddings'] ?? decoder['tie_word_embeddings']) === true,
    normEpsilon: text.number('rms_norm_eps', 1e-5),
    ropeTheta: reader({ ...decoder, ...rope }, '').number('rope_theta', 1e6),
    mropeSection: section as unknown as [number, number, number],
    maxPositions: text.integer('max_position_embeddings', 1, 1 << 24, 32768),
    vision: visionConfig(vision, family, hiddenSize),
    tokens: {
      visionStart: text.integer('vision_start_token_id', 0, 1 << 21, 151652),
      visionEnd: text.integer('vision_end_token_id', 0, 1 << 21, 151653),
      image: text.integer('image_token_id', 0, 1 << 21, 151655),
      video: text.integer('video_token_id', 0, 1 << 21, 151656),
    },
  };
}

function visionConfig(fields: Fields, family: QwenVlConfig['family'], hiddenSize: number): VisionConfig {
  const { integer, number } = reader(fields, 'vision_config.');
  const old = family === 'qwen2_vl';
  // `hidden_size` is the tower's output width in Qwen2-VL and its inner width in Qwen2.5-VL.
  const width = old ? integer('embed_dim', 8, 65536) : integer('hidden_size', 8, 65536);
  const output = old ? integer('hidden_size', 8, 65536, hiddenSize) : integer('out_hidden_size', 8, 65536, hiddenSize);
  if (output !== hiddenSize) throw refuse(`the vision tower gives ${output} numbers a token and the decoder takes ${hiddenSize}.`);
  const heads = integer('num_heads', 1, 1024);
  if (width % heads !== 0 || (width / heads) % 4 !== 0) throw refuse(`a vision width of ${width} cannot be divided into ${heads} heads for rotary rows and columns.`);
  const activation = fields['hidden_act'] ?? (old ? 'quick_gelu' : 'silu');
  if (activation !== (old ? 'quick_gelu' : 'silu')) throw refuse(`vision_config.hidden_act is ${JSON.stringify(activation)}.`, 'config.unsupported');
  const depth = integer('depth', 1, 512);
  const full = fields['fullatt_block_indexes'];
  if (!old && !(Array.isArray(full) && full.every((x) => Number.isInteger(x)))) throw refuse('vision_config.fullatt_block_indexes is not a list of block numbers.');
  const patchSize = integer('patch_size', 1, 256, fields['spatial_patch_size'] as number | undefined ?? 14);
  const mergeSize = integer('spatial_merge_size', 1, 16, 2);
  const windowSize = old ? null : integer('window_size', patchSize * mergeSize, 1 << 16, 112);
  return {
    depth, width, heads, patchSize, mergeSize, windowSize,
    mlpWidth: old ? Math.floor(width * number('mlp_ratio', 4)) : integer('intermediate_size', 1, 1 << 20),
    channels: integer('in_channels', 1, 16, fields['in_chans'] as number | undefined ?? 3),
    temporalPatchSize: integer('temporal_patch_size', 1, 16, 2),
    fullAttentionBlocks: old ? Array.from({ length: depth }, (_, i) => i) : (full as number[]),
    tokensPerSecond: old ? null : number('tokens_per_second', 4),
  };
}
