/** The checkable answer as it is stored: the schema of a gold, for files and pipes. */
import { z } from 'zod';
import { DirectiveWords } from '#models/clinical/directive.ts';
import type { Gold } from '#training/rewards/gold.ts';

const words = z.array(z.string().max(200)).max(1000);
const labelledBox = z.object({ label: z.string().max(200), box: z.object({ x1: z.number(), y1: z.number(), x2: z.number(), y2: z.number() }) });
const labelledPoint = z.object({ label: z.string().max(200), x: z.number(), y: z.number() });

export const GoldSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('choice'), options: words.min(1).max(26), right: z.number().int().nonnegative() }),
  z.object({ kind: z.literal('choices'), options: words.min(1).max(26), right: z.array(z.number().int().nonnegative()).max(26) }),
  z.object({ kind: z.literal('yesNo'), value: z.boolean(), named: z.array(z.object({ accept: words.min(1), reject: words })).max(8).optional() }),
  z.object({ kind: z.literal('word'), accept: words.min(1), reject: words }),
  z.object({ kind: z.literal('number'), value: z.number(), tolerance: z.number().nonnegative() }),
  z.object({ kind: z.literal('ordinal'), value: z.string(), scale: words.min(1) }),
  z.object({ kind: z.literal('boxes'), boxes: z.array(labelledBox).max(1000), matchLabels: z.boolean() }),
  z.object({ kind: z.literal('points'), points: z.array(labelledPoint).max(1000), tolerance: z.number().positive() }),
  z.object({ kind: z.literal('directive'), ...DirectiveWords.shape }),
  z.object({ kind: z.literal('text'), text: z.string().max(4000) }),
]) satisfies z.ZodType<Gold>;
