/** One change of a draft after another: plain functions from a report to a report. */
import type { ReportChange } from '#electron/contract/report.ts';
import { Fault } from '#models/base/fault.ts';
import type { Box } from '#models/clinical/finding.ts';
import type { Report, ReportBox, ReportFinding, ReportQuestion, ReportStep } from '#models/clinical/report.ts';
import { impressionOf, spokenAnswer } from './compose.ts';
import { bindSubject } from './signing.ts';

export interface ChangeOptions {
  readonly at: string;
  readonly by: string;
  /** What an earlier revision said. @throws Fault where there was none */
  readonly revision: (revision: number) => Report;
}

/** @throws Fault `report.item` for what is not there, `report.words` for an edit without words */
export function applyChange(report: Report, change: ReportChange, { at, by, revision }: ChangeOptions): Report {
  switch (change.kind) {
    case 'title': return { ...report, title: change.text };
    case 'impression': return { ...report, impression: change.text };
    case 'limitations': return { ...report, limitations: change.texts.filter((text) => text.trim() !== '') };
    // The salt stays, so that saying the same again binds the same.
    case 'subject': return { ...report, ...bindSubject(change.subject, report.subjectSalt ?? undefined) };
    case 'step': return inStep(report, change.stepId, (step) => ({ ...step, ...decision(step, change, { at, by }) }));
    case 'answer': {
      const next = inQuestion(report, change.questionId, (question) => {
        const { answer } = question;
        const own = { ...answer, original: answer.original === null ? null : spokenAnswer(answer.original) };
        return { ...question, answer: { ...answer, ...decision(own, change, { at, by }) } };
      });
      // The impression follows the answers until a person writes another.
      return report.impression === impressionOf(report) ? { ...next, impression: impressionOf(next) } : next;
    }
    case 'addStep': {
      const number = report.questions.flatMap(({ steps }) => steps).filter(({ original }) => original === null).length + 1;
      const step: ReportStep = { id: freeId(report, `${change.questionId}:own-`, number), kind: change.stepKind, text: change.text, original: null, boxes: known(report, change.boxes), verdict: 'accepted', reason: '', decidedBy: by, decidedAt: at };
      return inQuestion(report, change.questionId, (question) => ({ ...question, steps: [...question.steps, step] }));
    }
    case 'removeStep': {
      const step = report.questions.flatMap(({ steps }) => steps).find(({ id }) => id === change.stepId);
      if (!step) throw unknown('step');
      if (step.original !== null) throw new Fault({ code: 'report.model', what: 'The step cannot be removed.', why: 'The model wrote it: what it wrote stays in the report.', mend: 'Reject it, and say why.' });
      return { ...report, questions: report.questions.map((question) => ({ ...question, steps: question.steps.filter(({ id }) => id !== step.id) })) };
    }
    case 'box': return inList(report, 'boxes', change.boxId, (box) => placed(box, change.box));
    case 'finding': return inList(report, 'findings', change.findingId, (finding) => ({
      ...finding, label: change.label, text: change.text, code: change.code, site: change.site, laterality: change.laterality, boxes: known(report, change.boxes),
      author: finding.label === change.label && finding.text === change.text ? finding.author : { kind: 'person', name: by },
    }));
    case 'addFinding': {
      const finding: ReportFinding = {
        id: freeId(report, 'own-f', report.findings.length + 1), label: change.label, text: change.text, code: null, site: null, laterality: null, boxes: known(report, change.boxes), author: { kind: 'person', name: by },
      };
      return { ...report, findings: [...report.findings, finding] };
    }
    case 'removeFinding': return without(report, 'findings', change.findingId);
    case 'keyImage': {
      const { keyImage } = change;
      if (!report.sources.some(({ sha256 }) => sha256 === keyImage.place.source)) throw unknown('image');
      const image = { ...keyImage, overlays: keyImage.overlays.filter((id) => [...report.boxes, ...report.measurements].some((one) => one.id === id)) };
      const isThere = report.keyImages.some(({ id }) => id === image.id);
      return { ...report, keyImages: isThere ? report.keyImages.map((one) => (one.id === image.id ? image : one)) : [...report.keyImages, image] };
    }
    case 'moveKeyImage': {
      const image = report.keyImages.find(({ id }) => id === change.keyImageId);
      if (!image) throw unknown('key image');
      const others = report.keyImages.filter((one) => one !== image);
      return { ...report, keyImages: [...others.slice(0, change.to), image, ...others.slice(change.to)] };
    }
    case 'removeKeyImage': return without(report, 'keyImages', change.keyImageId);
    case 'removeMeasurement': {
      const next = without(report, 'measurements', change.measurementId);
      return { ...next, keyImages: next.keyImages.map((image) => ({ ...image, overlays: image.overlays.filter((id) => id !== change.measurementId) })) };
    }
    case 'comparison': {
      if (!report.comparison) throw unknown('comparison');
      return { ...report, comparison: { ...report.comparison, text: change.text } };
    }
    case 'removeQuestion': return withoutQuestion(report, change.questionId);
    case 'restore': {
      const earlier = revision(change.revision);
      return { ...earlier, revision: report.revision, version: report.version, supersedes: report.supersedes, status: report.status, createdAt: report.createdAt };
    }
  }
}

/** What a change did, for the list of revisions. */
export function changeText(changes: readonly ReportChange[]): string {
  const words: Readonly<Record<ReportChange['kind'], string>> = {
    title: 'Title', impression: 'Impression', limitations: 'Limitations', subject: 'Patient', step: 'Step decided', answer: 'Answer decided', addStep: 'Step added', removeStep: 'Step removed', box: 'Region', finding: 'Finding',
    addFinding: 'Finding added', removeFinding: 'Finding removed', keyImage: 'Key image', removeKeyImage: 'Key image removed', removeMeasurement: 'Measurement removed', comparison: 'Comparison', removeQuestion: 'Question removed',
    moveKeyImage: 'Key images put in order', restore: 'An earlier revision brought back',
  };
  return [...new Set(changes.map(({ kind }) => words[kind]))].join(', ');
}

const unknown = (what: string): Fault => new Fault({ code: 'report.item', what: 'The report was not changed.', why: `It has no such ${what} any more.`, mend: 'Look at the report as it is now, and change it again.' });

type Decided = Pick<ReportStep, 'text' | 'original' | 'verdict' | 'reason' | 'decidedBy' | 'decidedAt'>;

function decision(thing: Decided, { verdict, text, reason }: { readonly verdict: ReportStep['verdict']; readonly text: string | null; readonly reason: string }, { at, by }: Pick<ChangeOptions, 'at' | 'by'>): Omit<Decided, 'original'> {
  if (verdict === 'edited' && (text === null || text.trim() === '')) throw new Fault({ code: 'report.words', what: 'The edit was not taken.', why: 'It has no words.', mend: 'Write what it should say, or reject it.' });
  return {
    text: verdict === 'edited' || (thing.original === null && text !== null && text.trim() !== '') ? text ?? thing.text : thing.original ?? thing.text,
    verdict, reason, decidedBy: verdict === 'undecided' ? null : by, decidedAt: verdict === 'undecided' ? null : at,
  };
}

function placed(box: ReportBox, place: Box | null): ReportBox {
  const model = box.author.kind === 'model' ? box.original ?? box.box : null;
  if (place === null) return { ...box, isRemoved: true, original: box.original };
  const isBack = model !== null && model.x1 === place.x1 && model.y1 === place.y1 && model.x2 === place.x2 && model.y2 === place.y2;
  return { ...box, box: place, original: isBack ? null : model, isRemoved: false };
}

function inStep(report: Report, stepId: string, change: (step: ReportStep) => ReportStep): Report {
  if (!report.questions.some(({ steps }) => steps.some(({ id }) => id === stepId))) throw unknown('step');
  return { ...report, questions: report.questions.map((question) => ({ ...question, steps: question.steps.map((step) => (step.id === stepId ? change(step) : step)) })) };
}

function inQuestion(report: Report, questionId: string, change: (question: ReportQuestion) => ReportQuestion): Report {
  if (!report.questions.some(({ id }) => id === questionId)) throw unknown('question');
  return { ...report, questions: report.questions.map((question) => (question.id === questionId ? change(question) : question)) };
}

function inList<Name extends 'boxes' | 'findings'>(report: Report, name: Name, id: string, change: (item: Report[Name][number]) => Report[Name][number]): Report {
  const list: readonly Report[Name][number][] = report[name];
  if (!list.some((item) => item.id === id)) throw unknown(name === 'boxes' ? 'region' : 'finding');
  return { ...report, [name]: list.map((item) => (item.id === id ? change(item) : item)) };
}

function without(report: Report, name: 'findings' | 'keyImages' | 'measurements', id: string): Report {
  const list: readonly { readonly id: string }[] = report[name];
  if (!list.some((item) => item.id === id)) throw unknown(name === 'findings' ? 'finding' : name === 'keyImages' ? 'key image' : 'measurement');
  return { ...report, [name]: list.filter((item) => item.id !== id) };
}

/** With the question go its regions and what only they showed. */
function withoutQuestion(report: Report, questionId: string): Report {
  if (!report.questions.some(({ id }) => id === questionId)) throw unknown('question');
  const boxes = report.boxes.filter(({ id }) => !id.startsWith(`${questionId}.`));
  const isLeft = (id: string): boolean => boxes.some((box) => box.id === id);
  const wasLeft = (id: string): boolean => isLeft(id) || !report.boxes.some((box) => box.id === id);
  const questions = report.questions.filter(({ id }) => id !== questionId);
  const next: Report = {
    ...report, questions, boxes, keyImages: report.keyImages.filter(({ id }) => !id.startsWith(`k-${questionId}.`)).map((image) => ({ ...image, overlays: image.overlays.filter(wasLeft) })),
    findings: report.findings.flatMap((finding) => {
      const left = finding.boxes.filter(isLeft);
      return finding.boxes.length > 0 && left.length === 0 ? [] : [{ ...finding, boxes: left }];
    }),
  };
  return report.impression === impressionOf(report) ? { ...next, impression: impressionOf(next) } : next;
}

const known = ({ boxes }: Report, ids: readonly string[]): string[] => [...new Set(ids)].filter((id) => boxes.some((box) => box.id === id));

function freeId(report: Report, prefix: string, from: number): string {
  const taken = new Set([...report.findings, ...report.questions.flatMap(({ steps }) => steps)].map(({ id }) => id));
  for (let number = from; ; number++) if (!taken.has(`${prefix}${number}`)) return `${prefix}${number}`;
}
