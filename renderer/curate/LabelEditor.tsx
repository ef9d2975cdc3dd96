/** The answer of a case, to be put otherwise: one small form for each kind. */
import { useState, type ReactElement } from 'react';
import type { CuratedCase } from '#electron/contract/curate.ts';
import { useText } from '#renderer/workstation/text.ts';
import { labelText } from './state.ts';

type Label = CuratedCase['label'];
interface LabelEditorProps {
  readonly label: Label;
  readonly onChange: (label: Label) => void;
}

const lines = (text: string): string[] => [...new Set(text.split('\n').map((line) => line.trim()).filter((line) => line !== ''))];

export function LabelEditor({ label, onChange }: LabelEditorProps): ReactElement {
  const t = useText();
  switch (label.kind) {
    case 'yesNo': return (
      <div className="choices" role="radiogroup" aria-label={t('curate.right')}>{[true, false].map((value) => <button key={String(value)} role="radio" className="chip" aria-checked={label.value === value} aria-pressed={label.value === value} onClick={() => onChange({ ...label, value })}>{value ? 'yes' : 'no'}</button>)}</div>
    );
    case 'choice': return (
      <>
        <div className="choices" role="radiogroup" aria-label={t('curate.right')}>{label.options.map((option, at) => <button key={option} role="radio" className="chip" aria-checked={at === label.right} aria-pressed={at === label.right} onClick={() => onChange({ ...label, right: at })}>{option}</button>)}</div>
        <Lines name={t('curate.options')} value={label.options} onChange={(options) => onChange({ ...label, options, right: Math.max(0, options.indexOf(label.options[label.right] ?? '')) })} least={2} />
      </>
    );
    case 'choices': return (
      <>
        <div className="choices" role="group" aria-label={t('curate.right')}>{label.options.map((option, at) => <button key={option} className="chip" aria-pressed={label.right.includes(at)} onClick={() => onChange({ ...label, right: label.right.includes(at) ? label.right.filter((one) => one !== at) : [...label.right, at] })}>{option}</button>)}</div>
        <Lines name={t('curate.options')} value={label.options} onChange={(options) => onChange({ ...label, options, right: options.flatMap((option, at) => (label.right.some((one) => label.options[one] === option) ? [at] : [])) })} least={1} />
      </>
    );
    case 'ordinal': return (
      <>
        <div className="choices" role="radiogroup" aria-label={t('curate.right')}>{label.scale.map((value) => <button key={value} role="radio" className="chip" aria-checked={value === label.value} aria-pressed={value === label.value} onClick={() => onChange({ ...label, value })}>{value}</button>)}</div>
        <Lines name={t('curate.scale')} value={label.scale} onChange={(scale) => onChange({ ...label, scale, value: scale.includes(label.value) ? label.value : scale[0] as string })} least={2} />
      </>
    );
    case 'word': return (
      <>
        <Lines name={t('curate.accept')} value={label.accept} onChange={(accept) => onChange({ ...label, accept })} least={1} />
        <Lines name={t('curate.reject')} value={label.reject} onChange={(reject) => onChange({ ...label, reject })} least={0} />
      </>
    );
    case 'number': return (
      <div className="pair">
        <Figure name={t('curate.value')} value={label.value} onChange={(value) => onChange({ ...label, value })} />
        <Figure name={t('curate.tolerance')} value={label.tolerance} onChange={(tolerance) => onChange({ ...label, tolerance: Math.max(0, tolerance) })} />
      </div>
    );
    case 'points': return <><p className="muted">{labelText({ label })} — {t('curate.places', { count: label.points.length })}</p><Figure name={t('curate.tolerance')} value={label.tolerance} onChange={(tolerance) => onChange({ ...label, tolerance: Math.max(1, tolerance) })} /></>;
    case 'boxes': return <p className="muted">{labelText({ label })} — {t('curate.places', { count: label.boxes.length })}</p>;
  }
}

function Lines({ name, value, onChange, least }: { readonly name: string; readonly value: readonly string[]; readonly onChange: (value: string[]) => void; readonly least: number }): ReactElement {
  const [text, setText] = useState(value.join('\n'));
  return (
    <label className="line">{name}<textarea rows={Math.min(6, Math.max(2, value.length))} value={text} onChange={(event) => setText(event.target.value)} onBlur={() => {
      const next = lines(text);
      if (next.length < least) setText(value.join('\n'));
      else if (next.join('\n') !== value.join('\n')) onChange(next);
    }} /></label>
  );
}

function Figure({ name, value, onChange }: { readonly name: string; readonly value: number; readonly onChange: (value: number) => void }): ReactElement {
  const [text, setText] = useState(String(value));
  return (
    <label className="line">{name}<input type="text" inputMode="decimal" className="number" value={text} onChange={(event) => setText(event.target.value)} onBlur={() => {
      const next = Number(text.replace(',', '.'));
      if (text.trim() === '' || !Number.isFinite(next)) setText(String(value));
      else if (next !== value) onChange(next);
    }} /></label>
  );
}
