/** A judged sentence or answer as a question with a checkable label: what one gesture makes of it before anyone touches it. */
import type { Judged, Judgement, Label, LabelDefinition, Verdict } from '#electron/contract/curate.ts';
import { judgedRegions, type JudgedRegion } from '#electron/contract/regions.ts';
import type { Trace } from '#electron/contract/review.ts';
import { Fault } from '#models/base/fault.ts';
import type { StepKind } from '#models/clinical/trace.ts';

export interface Proposal {
  readonly question: string;
  readonly label: Label;
  readonly labelId: string | null;
  readonly verdict: Verdict;
  readonly steps: readonly { readonly kind: StepKind; readonly text: string }[];
  /** The picture among the trace's views that it is about. */
  readonly view: number;
}

/**
 * @param step  null: the answer
 * @throws Fault `curate.target` where there is no such step, `curate.label` where no program could check what was judged
 */
export function propose(trace: Trace, judgement: Judgement | undefined, step: number | null, definitions: readonly LabelDefinition[]): Proposal {
  const regions = judgedRegions(trace, judgement);
  return step === null ? ofAnswer(trace, judgement, regions, definitions) : ofStep(trace, judgement, regions, step);
}

function ofStep(trace: Trace, judgement: Judgement | undefined, regions: readonly JudgedRegion[], at: number): Proposal {
  const step = trace.steps[at];
  if (!step) throw new Fault({ code: 'curate.target', what: 'No case can be made of this step.', why: `The answer has ${trace.steps.length} steps.`, mend: 'Choose one of its steps.' });
  const { verdict, text } = judgement?.steps[at] ?? accepted;
  const said = text ?? step.text;
  const cited = regions.filter(({ steps }) => steps.includes(at));
  const view = viewOf(trace, cited);
  const own = onView(trace, cited, view);
  if (verdict !== 'rejected' && own.length > 0) {
    return { question: whereIs(own), label: boxesOf(own), labelId: null, verdict, steps: lasting([{ kind: step.kind, text: said }]), view };
  }
  return { question: `Is this true of the image? ${said}`, label: { kind: 'yesNo', value: verdict !== 'rejected' }, labelId: null, verdict, steps: [], view };
}

function ofAnswer(trace: Trace, judgement: Judgement | undefined, regions: readonly JudgedRegion[], definitions: readonly LabelDefinition[]): Proposal {
  const judged = judgement?.answer ?? accepted;
  const definition = definitions.find(({ question }) => comparable(question) === comparable(trace.question)) ?? null;
  const view = viewOf(trace, regions);
  const label = labelOfAnswer(trace, judged, onView(trace, regions, view), definition);
  const steps = trace.steps.flatMap(({ kind, text }, at) => {
    const verdict = judgement?.steps[at];
    return verdict && verdict.verdict !== 'rejected' ? [{ kind, text: verdict.text ?? text }] : [];
  });
  return { question: trace.question, label, labelId: definition?.id ?? null, verdict: judged.verdict, steps: lasting(steps), view };
}

const accepted: Judged = { verdict: 'accepted', text: null };

function labelOfAnswer({ question, answer }: Trace, { verdict, text }: Judged, regions: readonly JudgedRegion[], definition: LabelDefinition | null): Label {
  const said = (text ?? answer ?? '').trim();
  const isWrong = verdict === 'rejected' && text === null;
  const asksForPlaces = /\b(where|boxe?s?|locate|outline|draw|point)\b/i.test(question);
  if (definition?.kind === 'boxes' || (definition === null && (/^\[/.test(said) || (asksForPlaces && regions.length > 0)))) {
    if (isWrong && regions.length > 0) throw unclear('The boxes were rejected as a whole.', 'Move or remove the boxes that are wrong, or draw the right ones, then accept the answer.');
    return boxesOf(regions);
  }
  if (definition?.kind === 'points') return { kind: 'points', points: regions.map(({ label, box: { x1, y1, x2, y2 } }) => ({ label, x: (x1 + x2) / 2, y: (y1 + y2) / 2 })), tolerance: Math.max(1, definition.tolerance) };
  const polarity = /^\W{0,3}(yes|no)\b/i.exec(said)?.[1]?.toLowerCase();
  if (polarity !== undefined && (definition === null || definition.kind === 'yesNo')) return { kind: 'yesNo', value: (polarity === 'yes') !== isWrong };
  if (isWrong) throw unclear('The answer was rejected, and the right one is not known.', 'Edit the answer (E) to what is right, then make the case.');
  if (said === '') throw unclear('There is no answer.', 'Edit the answer (E) to what is right, then make the case.');
  const number = /^(-?\d{1,12}(?:\.\d{1,6})?)\s{0,3}([a-zµ%°²³/]{0,12})\.?$/i.exec(said);
  if (number && (definition === null || definition.kind === 'number')) {
    const value = Number(number[1]);
    return { kind: 'number', value, tolerance: definition?.tolerance ?? Math.round(Math.abs(value) * 10) / 100, unit: definition?.unit ?? number[2] ?? '' };
  }
  const options = definition && definition.options.length > 1 ? definition.options : letteredOptions(question);
  const letter = /^\W?([A-Z])\W?(?:\s|$)/.exec(said)?.[1];
  const named = options.findIndex((option) => comparable(option) === comparable(said));
  const right = named >= 0 ? named : letter === undefined ? -1 : letter.charCodeAt(0) - 65;
  if (right >= 0 && right < options.length) {
    return definition?.kind === 'ordinal' ? { kind: 'ordinal', value: options[right] as string, scale: [...options] }
      : definition?.kind === 'choices' ? { kind: 'choices', options: [...options], right: [right] } : { kind: 'choice', options: [...options], right };
  }
  if (definition && definition.kind !== 'word') throw unclear(`“${said.slice(0, 60)}” is none of what ${definition.name} allows.`, `Edit the answer (E) to one of: ${definition.options.join(', ') || definition.kind}.`);
  const accept = said.replace(/[.!]+$/, '');
  if (accept.length > 80) throw unclear('A long answer cannot be checked word for word.', 'Edit the answer (E) to a word, a number, yes or no; or make cases of its steps.');
  return { kind: 'word', accept: [accept], reject: [] };
}

const unclear = (why: string, mend: string): Fault => new Fault({ code: 'curate.label', what: 'No case can be made of this answer yet.', why, mend });

const boxesOf = (regions: readonly JudgedRegion[]): Label => ({ kind: 'boxes', boxes: regions.map(({ label, box }) => ({ label, box })) });

function whereIs(regions: readonly JudgedRegion[]): string {
  const names = [...new Set(regions.map(({ label }) => label))];
  const isMany = regions.length > 1;
  return `Where ${isMany ? 'are' : 'is'} the ${names.join(' and the ')}? Give ${isMany ? 'boxes' : 'a box'}.`;
}

/** Sentences with a number may speak of pixels at another size of the picture: they do not last. */
const lasting = (steps: readonly { readonly kind: StepKind; readonly text: string }[]): Proposal['steps'] =>
  steps.filter(({ text }) => !/\d/.test(text)).map(({ kind, text }) => ({ kind, text: text.slice(0, 1000) }));

const comparable = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ').trim();

/** `A. benign`, `B) malignant`: options that a question lists by letter, one to a line or in a row. */
export function letteredOptions(question: string): readonly string[] {
  const found: string[] = [];
  for (const match of question.matchAll(/(?:^|[\s(])([A-Z])[.):]\s{0,3}([^\n;,]{1,80}?)(?=\s{1,3}[A-Z][.):]\s|[\n;,]|$)/g)) {
    if (match[1] !== String.fromCharCode(65 + found.length)) continue;
    found.push((match[2] as string).trim());
  }
  return found.length > 1 ? found : [];
}

const framesOf = ({ views }: Trace): readonly string[] => views.map(({ view }) => (view.kind === 'frame' ? view.frameId : `${view.slideId}-0`));

const onView = (trace: Trace, regions: readonly JudgedRegion[], view: number): readonly JudgedRegion[] => regions.filter(({ frameId }) => frameId === framesOf(trace)[view]);

/** The view that most of the regions lie on, the first otherwise. */
function viewOf(trace: Trace, regions: readonly JudgedRegion[]): number {
  const frames = framesOf(trace);
  const counts = frames.map((frame) => regions.filter(({ frameId }) => frameId === frame).length);
  return Math.max(0, counts.indexOf(Math.max(...counts)));
}
